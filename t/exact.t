#!/usr/bin/perl

# check: alone
#
# Every byte of 20,000 generated responses, over kept connections: documents of
# all shapes, plain and gzip, cut and announced in every way.  What comes out is
# the storefront's body but for the tag, at its right place and at the length
# announced.  Then pages whose second part waits until the client has the
# first: none of it may be held back.

use strict;
use warnings;

use Compress::Raw::Zlib ();
use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use CR;
use CRGenerate;
use CRPage;

my $responses = $ENV{CR_RESPONSES} || 20_000;
my $clients = 2;
my $doctype = '<!doctype html>';
my $origin = origin_start(\&shop, log => 0);
my $nginx = front();
my $port = $nginx->port;
my ($tag) = http($port, GET => '/head/plain')->body =~ /($TAG)/;

ok($tag, 'the tag is in a page') or BAIL_OUT('no tag');
(my $wide = $tag) =~ s/async/'async' . ' ' x length $doctype/e;

controls();
generated();
streams();

$nginx->stop;
$origin->stop;

done_testing();


sub shop {
    my ($req) = @_;
    my ($number) = $req->{path} =~ m{/(\d+)$};

    return { headers => ['Content-Type', 'text/html'],
        body => "$doctype<html><head><title>x</title></head>" . 'x' x 99 }
        unless defined $number;

    my $g = generate($number);

    return { body => $g->{wire}, mode => $g->{mode}, piece => $g->{piece},
        headers => $g->{headers} };
}


sub front {
    my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";

    return nginx_start(workers => 2, http => <<END, server => <<END2);
    log_format skips '\$uri \$request_method \$cartrecover_skip';
    upstream origin { server 127.0.0.1:$origin->{port}; keepalive 16; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    keepalive_requests 1000000;
END
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        access_log %%DIR%%/skips.log skips buffer=64k flush=1s;
        location /head/ { proxy_pass http://origin; }
        location /start/ {
            proxy_pass http://origin;
            cartrecover_inject beacon place=start;
        }
        location /loose/ {
            proxy_pass http://origin;
            proxy_buffering off;
        }
        location /stream/ {
            proxy_pass http://127.0.0.1:%%PORT_stream%%;
            proxy_buffering off;
        }
        location /buffered/ {
            proxy_pass http://127.0.0.1:%%PORT_stream%%;
        }
END2
}


sub decode {
    my ($gz) = @_;
    my $text = '';
    my $z = Compress::Raw::Zlib::Inflate->new(-AppendOutput => 1,
        -WindowBits => Compress::Raw::Zlib::WANT_GZIP());
    my $status = $z->inflate($gz, $text);

    return $status == Compress::Raw::Zlib::Z_STREAM_END() && $gz eq ''
        ? $text : undef;
}


# Every text that may come out for a generated response, and the words that
# the log may have with it.

sub expected {
    my ($g) = @_;
    my ($body, $at) = @$g{qw(body at)};
    my $start = ["$doctype$tag$body", 'none'];
    my @may;

    if ($g->{gzip}) {
        my $tiny = $g->{mode} eq 'length' && length $g->{wire} < 64;

        push @may, $start if $g->{front} // 1;
        push @may, [$body, 'front|short'] if !($g->{front} // 0);
        return $tiny ? [$body, 'size'] : @may;
    }

    my $put = $g->{place} eq 'start' ? $wide : $tag;

    if ($g->{place} eq 'start') {
        push @may, $start if $g->{front} // 1;
        return @may if $g->{front};
    }

    if (defined $at) {
        push @may, [substr($body, 0, $at) . $put . substr($body, $at), 'none'];
    } else {
        push @may, [$body . ' ' x ($g->{mode} eq 'length' ? length $put : 0),
            'no_document'];
    }

    return @may;
}


# What is wrong with an answer to GET, or nothing.

sub wrong {
    my ($g, $res, $word) = @_;
    my $length = $res->header('Content-Length');

    return 'status ' . $res->status if $res->status != 200;
    return 'cut off' unless $res->complete;
    return 'the coding' if ($res->header('Content-Encoding') // '')
        ne ($g->{gzip} ? 'gzip' : '');
    return 'no length' if !defined $length && $g->{mode} eq 'length';
    return "Content-Length $length, body of " . length $res->body
        if defined $length && $length != length $res->body;

    my $text = $g->{gzip} ? decode($res->body) : $res->body;

    return 'does not decode' unless defined $text;

    for my $may (expected($g)) {
        next if $text ne $may->[0];
        $$word = $may->[1];
        return;
    }

    return 'the body: ' . substr($text, 0, 100) . " ... $g->{place}";
}


# Over two connections in turn; one line for each finding, and one for each
# word that the log must have.

sub client {
    my ($first, $file) = @_;
    my @c = map { http_client($port) } 1, 2;
    my %heads;
    open my $out, '>', $file or die "$file: $!\n";

    for (my $i = $first; $i <= $responses; $i += $clients) {
        my $g = generate($i);
        my $method = $i % 16 == 0 ? 'HEAD' : 'GET';
        my $c = $c[$i / $clients % 2];
        my $res = $c->request($method => "/$g->{place}/$i",
            headers => ['Accept-Encoding', 'gzip']);
        my ($wrong, $word);

        if ($method eq 'GET') {
            $wrong = wrong($g, $res, \$word);
        } elsif ($g->{gzip} || $g->{mode} ne 'length') {
            $wrong = 'HEAD with a length' if defined
                $res->header('Content-Length');
        } else {
            my ($may) = expected($g);
            $wrong = 'HEAD with another length' if length $may->[0]
                != ($res->header('Content-Length') // -1);
        }

        $wrong //= 'bytes behind the end' if $c->{in} ne '';
        print $out defined $wrong ? "bad $i $method: $wrong\n"
            : "fine $i " . ($word // 'any') . "\n";

        @c = map { http_client($port) } 1, 2
            if defined $wrong || ($res->header('Connection') // '') eq 'close';
    }

    close $out;
}


sub generated {
    my $dir = $nginx->dir;
    my $start = time;
    my @pids = map { my $k = $_; CR::start_sub("client $k",
        sub { client($k, "$dir/client.$k") }) } 1 .. $clients;

    wait_for(sub { !grep { alive($_) } @pids }, 300);
    my $seconds = time - $start;

    my @lines = map { split /\n/, slurp("$dir/client.$_") } 1 .. $clients;
    my @bad = grep { !/^fine/ } @lines;

    is(scalar @lines, $responses, "$responses responses");
    ok(!@bad, 'each is what the storefront sent but for the tag')
        or diag(scalar @bad, " bad\n", join "\n", splice @bad, 0, 10);
    cmp_ok($seconds, '<', 90, sprintf 'in %.0f s, %.0f a second', $seconds,
        $responses / $seconds) unless $ENV{CR_VALGRIND};

    # the log's word for each agrees with what came

    my (%word, %count);
    wait_for(sub {
        %word = slurp("$dir/skips.log") =~ m{^/\w+/(\d+) \w+ (\w+)$}mg;
        return keys %word >= $responses;
    }, 15);

    my @other = grep { my ($n, $may) = (split)[1, 2];
        $count{ $word{$n} // '' }++;
        $may ne 'any' && ($word{$n} // '') !~ /^(?:$may)$/ } @lines;

    ok(!@other, 'the skip word says what became of each')
        or diag(join "\n", map { "$_, log: " . ($word{ (split)[1] } // '-') }
            splice @other, 0, 10);
    diag(join ', ', map { "$count{$_} $_" } sort keys %count);
    cmp_ok($count{$_} // 0, '>', $responses / 200, "many are '$_'")
        for qw(none front short no_document);
}


# Damage of every kind must be seen.

sub controls {
    my ($gz) = grep { $_->{gzip} && $_->{front} && length $_->{body} > 900 }
        map { generate($_) } 1 .. 200;
    my ($plain) = grep { !$_->{gzip} && $_->{place} eq 'head'
        && defined $_->{at} && $_->{mode} eq 'length' }
        map { generate($_) } 1 .. 200;

    for my $g ($gz, $plain) {
        my $name = $g->{gzip} ? 'gzip' : 'plain';
        my $res = http($port, GET => "/$g->{place}/$g->{number}",
            headers => ['Accept-Encoding', 'gzip']);
        my $body = $res->body;
        my $word;

        is(wrong($g, $res, \$word), undef, "control: $name: as it came");

        for my $case (
            ['a byte turned', sub { substr($_[0], length($_[0]) / 2, 1) ^= 'A' }],
            ['a byte lost', sub { substr $_[0], length($_[0]) / 2, 1, '' }],
            ['a byte more', sub { $_[0] .= ' ' }],
            ['the last byte turned', sub { substr($_[0], -1) ^= "\1" }],
            ['the length not kept', sub { substr $_[0], -1, 1, '' }],
        ) {
            my ($what, $damage) = @$case;
            my $copy = bless { %$res, body => $body }, ref $res;
            $damage->($copy->{body});
            $copy->{headers} = [ map { lc $_->[0] eq 'content-length'
                && $what ne 'the length not kept'
                ? [$_->[0], length $copy->{body}] : $_ } @{ $res->{headers} } ];
            isnt(wrong($g, $copy, \$word), undef, "control: $name: $what");
        }
    }

    my $res = http($port, GET => "/head/$plain->{number}");
    $res->{body} =~ s/\Q$tag\E//;
    $res->{headers} = [ grep { lc $_->[0] ne 'content-length' }
        @{ $res->{headers} } ];
    isnt(wrong({ %$plain, mode => 'chunked' }, $res, \my $word), undef,
        'control: a page without its tag');
}


# The storefront sends a part only when the client has all of the last one.

sub streams {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $nginx->port('stream'), Listen => 16, ReuseAddr => 1)
        or die "stream: $!\n";
    my @text = ("$doctype<html><head><title>Shop</title></head><body>"
        . '<p>shell</p>' x 200, '<div hidden id=S:0>part</div>' x 50,
        '<script>$RC("B:0","S:0")</script></body></html>');
    my $z = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
        -WindowBits => Compress::Raw::Zlib::WANT_GZIP());
    my @gz = map { my $out = ''; $z->deflate($text[$_], $out);
        $_ < 2 ? $z->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH())
               : $z->flush($out); $out } 0 .. 2;

    for my $path ('/stream/', '/buffered/') {
        for my $gzip (0, 1) {
            my @parts = $gzip ? @gz : @text;
            my @bytes = (substr($parts[0], 0, 1), substr $parts[0], 1);
            my $name = $path . ($gzip ? 'gzip' : 'plain');

            stream($listen, "$name, in three parts", $path, $gzip, @parts);
            stream($listen, "$name, first a byte", $path, $gzip, @bytes,
                @parts[1, 2]);
            stream($listen, "$name, a byte at a time", $path, $gzip,
                split //, join '', substr $parts[0], 0, 60);
        }
    }
}


sub stream {
    my ($listen, $name, $path, $gzip, @parts) = @_;
    my $c = http_client($port);
    my ($whole, $sent, $late) = ('', '', undef);

    $c->send_request(GET => $path, headers => ['Accept-Encoding', 'gzip']);

    my $s = $listen->accept;
    $s->autoflush(1);
    sysread $s, my $request, 65536;
    print $s "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
        $gzip ? "Content-Encoding: gzip\r\n" : '',
        "Transfer-Encoding: chunked\r\n\r\n";

    for my $i (0 .. $#parts) {
        $sent .= $parts[$i];
        printf $s "%x\r\n%s\r\n", length $parts[$i], $parts[$i];

        last if defined $late;
        $late = "part $i" unless $i == $#parts && $gzip
            || wait_for(sub { $c->fill(0.5); has(unchunk($c), $sent, $gzip) },
                3);
    }

    print $s "0\r\n\r\n";
    close $s;

    my $res = $c->response('GET');

    is($late, undef, "$name: each is there before the next is sent");
    ok($res->complete, "$name: and the end comes");
}


# What of the body has come, without its chunks.

sub unchunk {
    my ($c) = @_;
    my ($head, $rest) = split /\r\n\r\n/, $c->{in}, 2;
    my $out = '';

    while (defined $rest && $rest =~ s/^([0-9a-f]+)\r\n//i) {
        my $part = substr $rest, 0, hex $1, '';
        $out .= $part;
        substr $rest, 0, 2, '';
    }

    return $out;
}


# All that was sent is in what came: as text without the tag, and of a stream
# of which eight bytes may stay behind, all that could be read of it.

sub has {
    my ($came, $sent, $gzip) = @_;

    if ($gzip) {
        return length $came >= length $sent if length $sent <= 10;
        ($came, $sent) = map { open_text($_) } $came, $sent;
        $came =~ s/^\Q$doctype$tag\E//;
    }

    $came =~ s/\Q$tag\E//;

    return $came eq $sent;
}


sub open_text {
    my ($gz) = @_;
    my $text = '';
    my $z = Compress::Raw::Zlib::Inflate->new(-AppendOutput => 1,
        -WindowBits => Compress::Raw::Zlib::WANT_GZIP());

    $z->inflate($gz, $text);

    return $text;
}
