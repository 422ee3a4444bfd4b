package CR::Origin;

# A shop for tests: one process, many connections, exact bytes.
#
# The handler gets { method, uri, path, args, headers => [[name, value]...],
# h => { lower-case name => value }, body, n (1, 2 ... over all requests) } and
# returns { status, reason, headers => [name, value ...], body, ... }:
#
#   mode    length (default), chunked, close (until the connection ends)
#   gzip    1: the body compressed, Content-Encoding set
#   piece   bytes of body in each write; delay: seconds between the writes
#   before  seconds before the first byte
#   raw     all bytes of the answer, instead of the above; the connection ends
#
# The handler runs in the origin's process: what it keeps between requests
# stays there.  $origin->requests reads what was received.

use strict;
use warnings;

use Compress::Zlib ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use CR ();


sub CR::origin_start {
    my ($handler, %o) = @_;

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $o{port} // CR::free_port(),
        Proto => 'tcp', Listen => 511, ReuseAddr => 1, Blocking => 0)
        or die "origin: $!\n";

    my $self = bless {
        port => $listen->sockport, log => CR::tmpdir() . '/requests',
        keep => $o{log} // 1,
    }, __PACKAGE__;

    if (ref $handler eq 'HASH') {
        my $pages = $handler;
        $handler = sub { $pages->{ $_[0]{path} } || { status => 404 } };
    }

    CR::spew($self->{log}, '');
    $self->{pid} = CR::start_sub('origin',
        sub { serve($listen, $handler, $self) });
    close $listen;

    return $self;
}


sub port { return $_[0]{port} }
sub stop { return CR::stop_process($_[0]{pid}, 'TERM') }


# Bodies and header values come back as the bytes that arrived.

sub requests {
    my ($self) = @_;

    my $json = JSON::PP->new->utf8;

    return map { $json->decode($_) } split /\n/, CR::slurp($self->{log});
}


sub serve {
    my ($listen, $handler, $self) = @_;

    local $SIG{TERM} = 'DEFAULT';

    my (%conn, $n);
    my $read = IO::Select->new($listen);
    open my $log, '>>:raw', $self->{log} or die "$self->{log}: $!\n";
    $log->autoflush(1);

    while (1) {
        my $now = time;
        my $next;
        my $write = IO::Select->new;

        for my $c (values %conn) {
            next unless @{ $c->{out} };
            my $due = $c->{out}[0][0];

            if ($due <= $now) {
                $write->add($c->{s});
            } elsif (!defined $next || $due < $next) {
                $next = $due;
            }
        }

        my ($r, $w) = IO::Select->select($read, $write, undef,
            defined $next ? $next - $now + 0.0005 : 1);

        for my $s (@{ $w || [] }) {
            next unless $conn{ fileno $s };
            drop(\%conn, $read, $s) unless send_due($conn{ fileno $s });
        }

        for my $s (@{ $r || [] }) {
            if ($s == $listen) {
                while (my $new = $listen->accept) {
                    $new->blocking(0);
                    setsockopt $new, IPPROTO_TCP, TCP_NODELAY, 1;
                    $read->add($new);
                    $conn{ fileno $new } = { s => $new, in => '', out => [] };
                }
                next;
            }

            my $c = $conn{ fileno $s } or next;
            my $got = sysread $s, $c->{in}, 65536, length $c->{in};

            if (!$got) {
                next if !defined $got && $!{EAGAIN};
                drop(\%conn, $read, $s);
                next;
            }

            while (my $req = parse($c)) {
                $req->{n} = ++$n;
                print $log JSON::PP->new->utf8->canonical->encode($req), "\n"
                    if $self->{keep};
                answer($c, $req, $handler);
            }
        }
    }
}


sub drop {
    my ($conn, $read, $s) = @_;

    $read->remove($s);
    delete $conn->{ fileno $s };
    close $s;
}


# False when the connection is over.

sub send_due {
    my ($c) = @_;

    while (@{ $c->{out} } && $c->{out}[0][0] <= time) {
        my $item = $c->{out}[0];

        return 0 unless defined $item->[1];         # the end was queued

        my $sent = syswrite $c->{s}, $item->[1];
        return $!{EAGAIN} ? 1 : 0 unless defined $sent;

        substr $item->[1], 0, $sent, '';
        return 1 if length $item->[1];

        shift @{ $c->{out} };
    }

    return 1;
}


# One whole request off the input, or nothing yet.

sub parse {
    my ($c) = @_;

    my $end = index $c->{in}, "\r\n\r\n";
    return if $end < 0;

    my ($line, @lines) = split /\r\n/, substr($c->{in}, 0, $end);
    my ($method, $uri, $proto) = split / /, $line;
    my (@headers, %h);

    for (@lines) {
        my ($name, $value) = /^([^:]+):[ \t]*(.*)$/ or next;
        push @headers, [ $name, $value ];
        $h{ lc $name } = exists $h{ lc $name }
            ? "$h{ lc $name }, $value" : $value;
    }

    my $from = $end + 4;
    my $body = '';

    if (lc($h{'transfer-encoding'} // '') eq 'chunked') {
        while (1) {
            my $eol = index $c->{in}, "\r\n", $from;
            return if $eol < 0;
            my $size = hex substr $c->{in}, $from, $eol - $from;
            return if length($c->{in}) < $eol + 2 + $size + 2;
            $body .= substr $c->{in}, $eol + 2, $size;
            $from = $eol + 2 + $size + 2;
            last if $size == 0;
        }
    } else {
        my $size = $h{'content-length'} // 0;
        return if length($c->{in}) < $from + $size;
        $body = substr $c->{in}, $from, $size;
        $from += $size;
    }

    substr $c->{in}, 0, $from, '';

    my ($path, $args) = split /\?/, $uri, 2;

    return {
        method => $method, uri => $uri, path => $path, args => $args // '',
        proto => $proto, headers => \@headers, h => \%h, body => $body,
    };
}


sub answer {
    my ($c, $req, $handler) = @_;

    my $res = eval { $handler->($req) }
        || { status => 500, body => $@ || 'no answer' };
    my $start = time + ($res->{before} // 0);

    if (defined $res->{raw}) {
        queue($c, $start, $res, $res->{raw});
        hang_up($c);
        return;
    }

    my $body    = $res->{body} // '';
    my $mode    = $res->{mode} // 'length';
    my @headers = @{ $res->{headers} || [] };
    my $status  = $res->{status} // 200;
    my $head    = "HTTP/1.1 $status " . ($res->{reason} // 'Answer') . "\r\n";

    if ($res->{gzip}) {
        $body = Compress::Zlib::memGzip($body);
        push @headers, 'Content-Encoding', 'gzip';
    }

    if (!grep { lc $_ eq 'content-type' } @headers) {
        push @headers, 'Content-Type', 'text/html';
    }

    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n";
    }

    my $empty = $status == 304 || $status == 204 || $req->{method} eq 'HEAD';
    my $over = $mode eq 'close' || $req->{proto} eq 'HTTP/1.0'
        || lc($req->{h}{connection} // '') eq 'close';

    if ($mode eq 'chunked') {
        $head .= "Transfer-Encoding: chunked\r\n" unless $status == 304;
    } elsif ($mode eq 'length' && $status != 204 && $status != 304) {
        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }

    $head .= 'Connection: ' . ($over ? 'close' : 'keep-alive') . "\r\n\r\n";

    push @{ $c->{out} }, [ $start, $head ];
    queue($c, $start, $res, $body, $mode eq 'chunked') unless $empty;
    hang_up($c) if $over;
}


# Ends the connection once all that was queued before is out.

sub hang_up {
    my ($c) = @_;

    push @{ $c->{out} }, [ @{ $c->{out} } ? $c->{out}[-1][0] : 0, undef ];
}


sub queue {
    my ($c, $due, $res, $body, $chunked) = @_;

    my $piece = $res->{piece} || 65536;
    my $delay = $res->{delay} // 0;

    for (my $at = 0; $at < length $body; $at += $piece) {
        my $part = substr $body, $at, $piece;
        $part = sprintf("%x\r\n%s\r\n", length $part, $part) if $chunked;
        push @{ $c->{out} }, [ $due, $part ];
        $due += $delay;
    }

    push @{ $c->{out} }, [ $due, "0\r\n\r\n" ] if $chunked;
}


1;
