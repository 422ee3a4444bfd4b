#!/usr/bin/perl

# Pages that the storefront compresses: spliced where the first bytes allow it,
# left as they are where not, at the length that was announced either way;
# where splicing is refused again and again, inflated if gunzip is on.

use strict;
use warnings;

use Compress::Zlib ();
use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;
use CRPage;

my $doctype = '<!doctype html>';
my %pages = pages();

# Only these begin as a page must that something is put in front of.

my %splices = map { $_ => 1 } qw(plain upper comment header no_head
    text_first);
my %small = (last_byte => 1);      # where its length is known: too short

my @pieces = (1, 2, 5, 9, 10, 11, 17, 18, 64, 100, 150, 65536);
my %gz = map { $_ => Compress::Zlib::memGzip($pages{$_}{body}) } keys %pages;
my $origin = origin_start(\&shop, log => 0);
my $nginx = front();
my $port = $nginx->port;
my @accept = ('Accept-Encoding', 'gzip, deflate, br');
my $n = 0;
my ($tag) = http($port, GET => '/plain')->body =~ /($TAG)/;

ok($tag, 'the tag is in a page that is not compressed') or BAIL_OUT('no tag');
ok(defined decode($gz{plain}), 'what is whole can be read');
(my $damaged = $gz{plain}) =~ s/(.{4}).{4}\z/${1}abcd/s;
is(decode($damaged), undef, 'control: a wrong trailer cannot');

all_pages();
reasons();
header_fields();
heads();
no_gzip_client();
inflated();
files();
cached();
cut_off();
memory();
counters();

$nginx->stop;
$origin->stop;

done_testing();


# /gz/MODE/PIECE/PAGE, and what stands under a name of its own.

sub shop {
    my ($req) = @_;
    my (undef, $kind, $piece, $name) = split m{/}, $req->{path};

    my @html = ('Content-Type', 'text/html; charset=utf-8', 'ETag', '"abc"');
    my @gzip = (@html, 'Content-Encoding', 'gzip');

    return { headers => \@html, body => $pages{$kind}{body} }
        if $pages{$kind};
    return { headers => \@gzip, body => $gz{$name}, piece => $piece,
        mode => $kind } if $name;
    return { headers => \@gzip, body => fields($piece) } if $kind eq 'fields';
    return { headers => \@gzip, body => $pages{plain}{body} }
        if $kind eq 'lies';
    return { headers => \@gzip, body => "\x1f\x8b\x08\0\0\0\0\0\0\0"
        . "\x07" x 100 } if $kind eq 'broken';
    return { raw => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Encoding: gzip\r\nContent-Length: 9000\r\n\r\n"
        . $gz{plain} } if $kind eq 'cut';
    return { headers => \@gzip, body => long_page(), piece => 500,
        mode => 'chunked' } if $kind eq 'long';
    return { status => 404 };
}


# 6 MB that do not compress.

sub long_page {
    my $x = 1;
    my $text = $pages{plain}{body} . join '', map {
        $x = ($x * 1103515245 + 12345) & 0x7fffffff; pack 'N', $x } 1 .. 1.5e6;

    return Compress::Zlib::memGzip($text);
}


# A gzip stream with header fields: extra, name, comment, header CRC.

sub fields {
    my ($flags) = @_;
    my $head = "\x1f\x8b\x08" . chr($flags) . "\0\0\0\0\0\x03";

    $head .= "\x05\0ab\x01\0x" if $flags & 4;
    $head .= "page.html\0" if $flags & 8;
    $head .= "made by\0" if $flags & 16;
    $head .= pack 'v', Compress::Zlib::crc32($head) & 0xffff if $flags & 2;

    return $head . substr $gz{plain}, 10;
}


sub front {
    my $dir = tmpdir();
    my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";

    mkdir "$dir/html";
    spew("$dir/html/$_.gz", $gz{$_}) for keys %gz;

    return nginx_start(dir => $dir, http => <<END, server => <<END2);
    log_format skips '\$http_x_n \$cartrecover_skip';
    proxy_http_version 1.1;
    proxy_buffer_size 1k;
    proxy_buffers 8 1k;
    proxy_busy_buffers_size 2k;
    proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
END
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        access_log %%DIR%%/skips.log skips;
        location / { $proxy }
        location /unbuffered/ {
            $proxy
            rewrite ^/unbuffered/(.*) /\$1 break;
            proxy_buffering off;
        }
        location /inflate/ {
            $proxy
            rewrite ^/inflate/(.*) /\$1 break;
            gunzip on;
            gzip on;
            gzip_proxied any;
            gzip_min_length 1;
        }
        location /cached/ {
            $proxy
            rewrite ^/cached/(.*) /\$1 break;
            proxy_cache c;
            proxy_cache_valid 1m;
            add_header X-Cache \$upstream_cache_status;
        }
        location /file/ {
            alias %%DIR%%/html/;
            gzip_static always;
            sendfile on;
        }
        location /short/ {
            alias %%DIR%%/html/;
            gzip_static always;
            output_buffers 1 300;
        }
        location = /status { cartrecover_status json; }
END2
}


sub fetch {
    my ($path, %o) = @_;
    my $c = delete $o{on} || http_client($port);
    my $method = delete $o{method} || 'GET';

    return $c->request($method => $path,
        headers => ['X-N', ++$n, @{ $o{accept} || \@accept }]);
}


# The text of a whole gzip stream with nothing behind it.

sub decode {
    my ($gz) = @_;
    my ($z) = Compress::Zlib::inflateInit(-WindowBits => Compress::Zlib::WANT_GZIP());
    my ($text, $status) = $z->inflate($gz);

    return $status == Compress::Zlib::Z_STREAM_END() && $gz eq ''
        ? $text : undef;
}


# What is wrong with an answer, or nothing.  want: 1 spliced, 0 not, undef
# either.

sub wrong {
    my ($name, $res, $want) = @_;
    my $length = $res->header('Content-Length');

    return 'status ' . $res->status if $res->status != 200;
    return 'cut off' unless $res->complete;
    return 'no gzip' if ($res->header('Content-Encoding') // '') ne 'gzip';
    return "Content-Length $length, body of " . length $res->body
        if defined $length && $length != length $res->body;

    my $text = decode($res->body);
    my $page = $pages{$name}{body};

    return 'does not decode' unless defined $text;
    return if $text eq "$doctype$tag$page" && ($want // 1);
    return if $text eq $page && !($want // 0);
    return 'text: ' . substr $text, 0, 90;
}


sub all_pages {
    for my $mode (qw(length chunked close)) {
        for my $before ('', '/unbuffered') {
            my @bad;

            for my $piece (@pieces) {
                my $c = http_client($port);

                for my $name (sort keys %pages) {
                    my $res = fetch("$before/$mode/$piece/$name", on => $c);

                    # In small pieces the first bytes may be too few to tell.

                    my $wrong = wrong($name, $res, $small{$name} ? undef
                        : !$splices{$name} ? 0 : $piece == 65536 ? 1 : undef);
                    push @bad, "$piece $name: $wrong" if defined $wrong;
                }

                push @bad, "$piece: bytes behind the last answer"
                    if $c->extra(0.02) ne '';
            }

            ok(!@bad, "$before$mode: spliced or unchanged, in pieces of "
                . join ' ', @pieces) or diag(join "\n", @bad);
        }
    }
}


sub reasons {
    my @cases = (
        ['/length/65536/plain', 'none'],
        ['/length/65536/header', 'none'],
        ['/fields/0', 'none'],
        ['/length/65536/attributes', 'front'],
        ['/length/65536/quirks', 'front'],
        ['/length/65536/mark', 'front'],
        ['/length/65536/json', 'front'],
        ['/chunked/65536/text', 'front'],
        ['/unbuffered/chunked/1/plain', 'short'],
        ['/unbuffered/chunked/10/plain', 'short'],
        ['/lies', 'gzip'],
        ['/broken', 'gzip'],
    );
    my $from = $n;
    my @res = map { fetch($_->[0]) } @cases;
    my %got = events($nginx->dir . '/skips.log', $n);

    for my $i (0 .. $#cases) {
        is($got{ $from + $i + 1 }[0], $cases[$i][1],
            "$cases[$i][0]: $cases[$i][1]");
    }

    for my $res (@res[-2, -1]) {
        ok($res->complete && length $res->body
            == $res->header('Content-Length'),
            'what is no gzip keeps the announced length');
    }

    is(index($res[-2]->body, $pages{plain}{body}), 0,
        'and its own bytes, unchanged');
}


sub header_fields {
    for my $flags (0, 2, 4, 8, 16, 30) {
        my $res = fetch("/fields/$flags");

        is(wrong('plain', $res, 1), undef, "header fields $flags");
        is(substr($res->body, 0, 10), substr(fields($flags), 0, 10),
            'the header as it was');
    }

    is(wrong('plain', fetch('/fields/32'), 0), 'does not decode',
        'a header with a reserved bit is left alone');
}


# The outcome hangs on the body, so HEAD announces no length.

sub heads {
    for my $path ('/length/65536/plain', '/chunked/65536/plain',
                  '/length/65536/mark')
    {
        my %seen;

        for my $method (qw(GET HEAD)) {
            my $res = fetch($path, method => $method);
            $seen{$method} = join '', map { "$_->[0]: $_->[1]\n" }
                grep { $_->[0] !~ /^(?:Date|Content-Length|Transfer-Encoding)$/ }
                @{ $res->{headers} };
            is($res->header('Content-Length'), undef, "$path: HEAD: no length")
                if $method eq 'HEAD';
            is($res->header('ETag'), 'W/"abc"', "$path: $method: a weak ETag");
        }

        is($seen{HEAD}, $seen{GET}, "$path: else as GET");
    }
}


sub no_gzip_client {
    my $res = fetch('/length/65536/plain', accept => []);
    is($res->body, $gz{plain}, 'a client that takes no gzip: as it came');
    is($res->header('Content-Length'), length $gz{plain}, 'and its length');

    $res = fetch('/inflate/length/65536/plain', accept => []);
    is($res->body, placed($pages{plain}, $tag), 'with gunzip: inflated');
}


# A page that cannot be spliced, in a location with gunzip: four are passed as
# they are, then the text is read.

sub inflated {
    my @got = map { decode(fetch("/inflate/length/65536/$_")->body) }
        ('plain', ('attributes') x 6);
    my $page = $pages{attributes};

    is(shift @got, "$doctype$tag$pages{plain}{body}",
        'with gunzip a page is spliced where it can be');
    is($got[$_], $page->{body}, "refusal $_: unchanged") for 0 .. 3;
    is($got[$_], placed($page, $tag), "then inflated: the tag is in it")
        for 4, 5;

    # without gunzip nothing comes of it

    for (1 .. 6) {
        is(wrong('attributes', fetch('/length/65536/attributes'), 0), undef,
            'without gunzip a refused page stays as it is');
    }
    is(wrong('plain', fetch('/length/65536/plain'), 1), undef,
        'and the next one is spliced');
}


sub files {
    for my $name (sort keys %splices) {
        is(wrong($name, fetch("/file/$name"), 1), undef,
            "a compressed file: $name");
        is(wrong($name, fetch("/short/$name"), 1), undef,
            "and in buffers of 300 bytes: $name");
    }
}


sub cached {
    for my $mode (qw(length chunked)) {
        my @res = map { fetch("/cached/$mode/65536/plain") } 1 .. 3;

        is_deeply([map { $_->header('X-Cache') } @res], [qw(MISS HIT HIT)],
            "$mode: cached");
        is(wrong('plain', $_, 1), undef, "$mode: and spliced") for @res;
    }
}


# The storefront dies in the middle: no trailer, no end.

sub cut_off {
    my $res = fetch('/cut');

    ok(!$res->complete, 'a body that is cut off stays cut off');
    is(wrong('plain', fetch('/length/65536/plain'), 1), undef,
        'and the next answer is whole');
}


# A stream of thousands of pieces costs no more than one of a few.

sub memory {
    return if $ENV{CR_VALGRIND} || $ENV{CR_ASAN};

    my ($worker) = $nginx->workers;
    my $peak = sub { (slurp("/proc/$worker/status") =~ /VmHWM:\s+(\d+)/)[0] };
    my $before = $peak->();
    my $res = fetch('/unbuffered/long');

    ok($res->complete && length $res->body > 5e6, 'a stream of 6 MB');
    like(decode($res->body), qr/^\Q$doctype$tag$doctype\E/, 'is spliced');
    cmp_ok($peak->() - $before, '<', 600, 'in less than 600 KB');
}


sub counters {
    my $json = json_decode(http($port, GET => '/status')->body);

    cmp_ok($json->{counters}{spliced}, '>', 100, 'splices are counted');
    cmp_ok($json->{skip}{$_}, '>', 0, "refusals are: $_")
        for qw(front short gzip);
    is($json->{counters}{faults}, 0, 'and no fault');
}
