package CR::Http;

# An HTTP/1.1 client that hides nothing: header order, framing, bytes.
#
#   my $res = http($port, POST => '/cart', headers => [Cookie => 'a=b'],
#                  body => 'sku=1');
#   $res->status, ->header('ETag'), ->headers('Set-Cookie'), ->body,
#   ->raw_body (before chunks are joined), ->head (as it came), ->gunzip
#
#   my $c = http_client($port);      # keep-alive: $c->request(GET => '/') ...
#   is($c->extra, '');               # nothing behind the promised length

use strict;
use warnings;

use Compress::Zlib ();
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use CR ();


# All bytes until the server closes or `timeout` passes without any.

sub CR::http_raw {
    my ($port, $bytes, %o) = @_;

    my $c = CR::http_client($port, %o);
    $c->write($bytes);
    1 while $c->fill;

    return $c->{in};
}


sub CR::http {
    my ($port, $method, $uri, %o) = @_;

    my $c = CR::http_client($port, %o);

    return $c->request($method, $uri, %o,
        headers => [ @{ $o{headers} || [] }, Connection => 'close' ]);
}


# Options: timeout (10), read_size and read_delay for a slow reader, host.

sub CR::http_client {
    my ($port, %o) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Proto => 'tcp', Timeout => 5) or die "connect to $port: $!\n";

    $s->autoflush(1);

    return bless {
        s => $s, in => '', timeout => ($o{timeout} // 10)
            * ($ENV{CR_VALGRIND} ? 5 : 1),
        read_size => $o{read_size} // 65536, read_delay => $o{read_delay} // 0,
        host => $o{host} // 'shop.example',
    }, __PACKAGE__;
}


# A body may come in pieces: body => [ 'a', 'b' ], pause between them.

sub request {
    my ($self, $method, $uri, %o) = @_;

    $self->send_request($method, $uri, %o);

    return $self->response($method);
}


sub send_request {
    my ($self, $method, $uri, %o) = @_;

    my @headers = @{ $o{headers} || [] };
    my @body = ref $o{body} ? @{ $o{body} } : defined $o{body} ? $o{body} : ();
    my %has = map { lc($headers[$_ * 2]) => 1 } 0 .. @headers / 2 - 1;
    my $out = "$method $uri HTTP/1.1\r\n";

    unshift @headers, Host => $self->{host} unless $has{host};

    if (@body && !$has{'content-length'} && !$has{'transfer-encoding'}) {
        push @headers, 'Content-Length', length join '', @body;
    }

    if (@body && !$has{'content-type'}) {
        push @headers, 'Content-Type', 'application/x-www-form-urlencoded';
    }

    while (my ($name, $value) = splice @headers, 0, 2) {
        $out .= "$name: $value\r\n";
    }

    $self->write("$out\r\n" . (@body == 1 ? shift @body : ''));

    for my $piece (@body) {
        sleep($o{pause} // 0);
        $self->write($piece);
    }
}


sub write {
    my ($self, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $self->{s}, $bytes;
        return unless defined $n;
        substr $bytes, 0, $n, '';
    }
}


# Reads something; false at the end of the connection or after the timeout.

sub fill {
    my ($self, $seconds) = @_;

    sleep $self->{read_delay} if $self->{read_delay};

    if (!IO::Select->new($self->{s})->can_read($seconds // $self->{timeout})) {
        $self->{timed_out} = 1 unless defined $seconds;
        return 0;
    }

    return sysread($self->{s}, $self->{in}, $self->{read_size},
        length $self->{in}) ? 1 : 0;
}


# One response off the connection, or an object whose status is 0.

sub response {
    my ($self, $method) = @_;

    my $res = bless { status => 0, headers => [], body => '', raw_body => '',
        head => '', complete => 0 }, 'CR::Response';
    my $end;

    while (1) {
        while (($end = index $self->{in}, "\r\n\r\n") < 0) {
            return $res unless $self->fill;
        }

        $res->{head} = substr $self->{in}, 0, $end + 4, '';

        my ($line, @lines) = split /\r\n/, $res->{head};
        @$res{qw(proto status reason)} =
            $line =~ m{^(HTTP/[\d.]+) (\d{3})(?: (.*))?$} or return $res;
        $res->{headers} = [ map { [ /^([^:]+):[ \t]*(.*)$/ ] } @lines ];

        last if $res->{status} >= 200;      # 100 Continue and its kind
    }

    $self->body($res, $method // 'GET');

    return $res;
}


sub body {
    my ($self, $res, $method) = @_;

    my $length = $res->header('Content-Length');

    if ($method eq 'HEAD' || $res->{status} == 204 || $res->{status} == 304) {
        $res->{complete} = 1;

    } elsif (lc($res->header('Transfer-Encoding') // '') eq 'chunked') {
        $res->{complete} = $self->chunks($res);

    } elsif (defined $length) {
        while (length $self->{in} < $length) {
            last unless $self->fill;
        }
        $res->{raw_body} = substr $self->{in}, 0, $length, '';
        $res->{body} = $res->{raw_body};
        $res->{complete} = length $res->{body} == $length;

    } else {
        1 while $self->fill;
        $res->{body} = $res->{raw_body} = $self->{in};
        $self->{in} = '';
        $res->{complete} = !$self->{timed_out};
    }
}


sub chunks {
    my ($self, $res) = @_;

    while (1) {
        my $eol;
        while (($eol = index $self->{in}, "\r\n") < 0) {
            return 0 unless $self->fill;
        }

        my $line = substr $self->{in}, 0, $eol + 2, '';
        my ($digits) = $line =~ /^([0-9a-fA-F]+)/ or return 0;
        my $size = hex $digits;

        while (length $self->{in} < $size + 2) {
            return 0 unless $self->fill;
        }

        my $data = substr $self->{in}, 0, $size + 2, '';
        $res->{raw_body} .= $line . $data;
        return 0 if substr($data, -2, 2, '') ne "\r\n";
        $res->{body} .= $data;
        return 1 if $size == 0;
    }
}


# What came behind the last response, within a moment.

sub extra {
    my ($self, $seconds) = @_;

    my $old = $self->{read_delay};
    $self->{read_delay} = 0;
    $self->fill($seconds // 0.1);
    $self->{read_delay} = $old;

    return $self->{in};
}


sub hang_up { return close $_[0]{s} }


package CR::Response;

sub status   { return $_[0]{status} }
sub head     { return $_[0]{head} }
sub body     { return $_[0]{body} }
sub raw_body { return $_[0]{raw_body} }
sub complete { return $_[0]{complete} }
sub names    { return map { $_->[0] } @{ $_[0]{headers} } }
sub gunzip   { return Compress::Zlib::memGunzip(my $copy = $_[0]{body}) }
sub json     { return CR::json_decode($_[0]{body}) }


sub headers {
    my ($self, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $self->{headers} };
}


sub header {
    my ($self, $name) = @_;

    return ($self->headers($name))[0];
}


# The value of a cookie that this response sets.

sub cookie {
    my ($self, $name) = @_;

    for ($self->headers('Set-Cookie')) {
        return $1 if /^\Q$name\E=([^;]*)/;
    }

    return;
}


1;
