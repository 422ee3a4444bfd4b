#!/usr/bin/perl

# The tag's filter: pages cut into buffers of every size, answers that must
# stay as they are with the word that says why, and the headers of both.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use CR;
use CRPage;

my %pages = pages();
my @static = (1 .. 24, 31 .. 34, 40, 63 .. 66, 100, 127 .. 129, 150);
my @pieces = (1, 2, 3, 5, 7, 13, 16, 31, 64, 150);

my $origin = origin_start(\&shop, log => 0);
my $nginx = front();
my $port = $nginx->port;

# The tag itself, as this configuration writes it.

my ($tag) = http($port, GET => '/chunked/4096/plain')->body =~ /($TAG)/;
ok($tag, 'the tag is in a plain page') or BAIL_OUT('no tag');
cmp_ok(length $tag, '<', 100, 'the tag is short enough for <meta charset>');

static_pages();
proxied_pages();
heads();
validators();
skips();
streams();
subrequests();

$nginx->stop;
$origin->stop;

done_testing();


# /MODE/PIECE/PAGE, and the special answers under /skip/NAME.

sub shop {
    my ($req) = @_;
    my (undef, $mode, $piece, $name) = split m{/}, $req->{path};

    return special($piece) if $mode eq 'skip';

    return { status => 200, body => $pages{$name}{body}, piece => $piece,
        mode => $mode, headers => ['Content-Type', 'text/html; charset=utf-8',
            'ETag', '"abc"', 'Last-Modified', 'Sat, 01 Aug 2026 10:00:00 GMT',
            'Accept-Ranges', 'bytes'] };
}


my %special;

sub special {
    my ($name) = @_;

    my $body = $pages{plain}{body};
    my @html = ('Content-Type', 'text/html; charset=utf-8');

    %special = (
        plain => { headers => [@html] },
        not_found => { status => 404, headers => [@html] },
        error => { status => 500, headers => [@html] },
        partial => { status => 206, headers => [@html, 'Content-Range',
            'bytes 0-9/99'], body => substr $body, 0, 10 },
        nothing => { status => 204 },
        moved => { status => 302, headers => [@html, 'Location', '/'] },
        unchanged => { status => 304, headers => ['ETag', '"a"'] },
        json => { headers => ['Content-Type', 'application/json'],
            body => '{"a":"<head>"}' . ' ' x 80 },
        xhtml => { headers => ['Content-Type', 'application/xhtml+xml'] },
        attachment => { headers => [@html, 'Content-Disposition',
            'attachment; filename="a.html"'] },
        utf16 => { headers => ['Content-Type', 'text/html; charset=UTF-16'],
            body => $pages{utf16}{body} },
        brotli => { headers => [@html, 'Content-Encoding', 'br'] },
        stacked => { headers => [@html, 'Content-Encoding', 'gzip, gzip'] },
        gzip => { headers => [@html], gzip => 1 },
        no_transform => { headers => [@html, 'Cache-Control',
            'public, no-transform'] },
        digest => { headers => [@html, 'Digest', 'sha-256=abc'] },
        repr_digest => { headers => [@html, 'Repr-Digest', 'sha-256=:abc:'] },
        content_md5 => { headers => [@html, 'Content-MD5', 'abc'] },
        events => { headers => ['Content-Type', 'text/event-stream'] },
        tiny => { headers => [@html], body => '0' },
        empty => { headers => [@html], body => '' },
        small => { headers => [@html], body => '<!doctype html><head></head>' },
        csp_none => { headers => [@html, 'Content-Security-Policy',
            "script-src 'none'"] },
        csp_self => { headers => [@html, 'Content-Security-Policy',
            "default-src 'none'; script-src 'self'; connect-src 'self'"] },
        csp_mute => { headers => [@html, 'Content-Security-Policy',
            "default-src 'none'; script-src 'self'"] },
        csp_two => { headers => [@html,
            'Content-Security-Policy', "script-src 'self'",
            'Content-Security-Policy', "default-src https://cdn.example"] },
        csp_other => { headers => [@html, 'Content-Security-Policy',
            "default-src 'self'; script-src https://cdn.example"] },
        csp_report => { headers => [@html,
            'Content-Security-Policy-Report-Only', "script-src 'none'"] },
        slow => { headers => ['Content-Type', 'text/event-stream'],
            mode => 'chunked', piece => 9, delay => 0.6,
            body => "data: 1\n\ndata: 2\n\ndata: 3\n\n" },
        slow_page => { headers => [@html], mode => 'chunked', piece => 60,
            delay => 0.3 },
        ssi => { headers => [@html], body => $body
            . '<!--#include virtual="/chunked/64/upper" -->' },
    );

    return { status => 200, body => $body, %{ $special{$name} } };
}


sub front {
    my $locations = '';

    for my $n (@static) {
        $locations .= <<END;
        location /static$n/ {
            alias %%DIR%%/html/;
            sendfile off;
            output_buffers 1 $n;
        }
END
    }

    my $dir = tmpdir();
    mkdir "$dir/html";
    spew("$dir/html/$_", $pages{$_}{body}) for keys %pages;

    my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";

    return nginx_start(dir => $dir, http => <<END, server => <<END2);
    log_format skips '\$http_x_n \$cartrecover_skip';
    proxy_http_version 1.1;
    proxy_buffer_size 1k;
    proxy_buffers 8 1k;
    proxy_busy_buffers_size 2k;
END
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_bypass \$arg_bypass;
        access_log %%DIR%%/skips.log skips;
        location / { $proxy }
        location /chunked/ { $proxy }
        location /unbuffered/ {
            $proxy
            rewrite ^/unbuffered/(.*) /\$1 break;
            proxy_buffering off;
        }
        location /sendfile/ { alias %%DIR%%/html/; sendfile on; }
        location /csp/ {
            $proxy
            rewrite ^/csp/(.*) /\$1 break;
            add_header Content-Security-Policy "script-src 'none'";
        }
        location /off/ {
            $proxy
            rewrite ^/off/(.*) /\$1 break;
            cartrecover off;
        }
        location /observe/ {
            $proxy
            rewrite ^/observe/(.*) /\$1 break;
            cartrecover observe;
        }
        location /no_tag/ {
            $proxy
            rewrite ^/no_tag/(.*) /\$1 break;
            cartrecover_inject off;
        }
        location /tier/ {
            $proxy
            rewrite ^/tier/(.*) /\$1 break;
            cartrecover_consent \$arg_tier;
        }
        location /ssi/ {
            $proxy
            rewrite ^/ssi/(.*) /\$1 break;
            ssi on;
        }
        error_page 500 /chunked/64/plain;
$locations
END2
}


# All pages over one connection; what was wrong, by page.

sub fetch_all {
    my ($path, %o) = @_;

    my $c = http_client($port);
    my @bad;

    for my $name (sort keys %pages) {
        my $page = $pages{$name};
        next if $o{length} && length $page->{body} < 64;
        my $res = $c->request(GET => "$path/$name");
        my $wrong = compare_page($page, $tag, $res);
        $wrong //= 'no Content-Length' if $o{length}
            && !defined $res->header('Content-Length');
        push @bad, "$name: $wrong" if defined $wrong;
        last if !$res->complete;
    }

    push @bad, 'bytes behind the last answer' if $c->extra(0.02) ne '';

    return @bad;
}


sub clean {
    my ($what, @bad) = @_;

    ok(!@bad, $what) or diag(join "\n", @bad);
}


sub static_pages {
    for my $n (@static) {
        clean("files in buffers of $n bytes, length kept",
            fetch_all("/static$n", length => 1));
    }

    clean('files by sendfile', fetch_all('/sendfile', length => 1));
}


sub proxied_pages {
    for my $n (@pieces) {
        clean("chunks of $n bytes, buffered", fetch_all("/chunked/$n"));
        clean("chunks of $n bytes, unbuffered",
            fetch_all("/unbuffered/chunked/$n"));
        clean("known length in writes of $n bytes, buffered",
            fetch_all("/length/$n", length => 1));
        clean("known length in writes of $n bytes, unbuffered",
            fetch_all("/unbuffered/length/$n", length => 1));
        clean("until the connection ends, in writes of $n bytes",
            fetch_all("/close/$n"));
    }
}


sub heads {
    my @bad;

    for my $path (map { ("/static8/$_", "/length/99/$_", "/sendfile/$_") }
                  sort keys %pages)
    {
        my %seen;

        for my $method (qw(GET HEAD)) {
            my $res = http($port, $method => $path);
            $seen{$method} = join '', map { "$_->[0]: $_->[1]\n" }
                grep { $_->[0] ne 'Date' } @{ $res->{headers} };
        }

        push @bad, "$path\n$seen{GET}$seen{HEAD}"
            if $seen{GET} ne $seen{HEAD};
    }

    clean('HEAD has the headers of GET', @bad);
}


sub validators {
    my $res = http($port, GET => '/length/4096/plain');

    is($res->header('ETag'), 'W/"abc"', 'the ETag is weak');
    is($res->header('Last-Modified'), 'Sat, 01 Aug 2026 10:00:00 GMT',
        'Last-Modified stays');
    is($res->header('Accept-Ranges'), undef, 'no ranges are offered');

    for my $path (qw(/sendfile/plain /length/4096/plain)) {
        my $part = http($port, GET => $path, headers => [Range => 'bytes=0-9']);
        is($part->status, 200, "$path: a range gets the whole page");
        is(compare_page($pages{plain}, $tag, $part), undef,
            "$path: and the tag");
    }

    my $first = http($port, GET => '/sendfile/plain');
    my $again = http($port, GET => '/sendfile/plain', headers =>
        ['If-None-Match', $first->header('ETag')]);
    is($again->status, 304, 'our ETag gives 304');
    is($again->body, '', 'without a body');
}


sub skips {
    my $fetch = ['Sec-Fetch-Dest', 'empty'];
    my @cases = (
        ['/skip/plain', 'none'],
        ['/skip/plain', 'none', ['Sec-Fetch-Dest', 'document']],
        ['/skip/plain', 'none', ['Accept', 'text/html,*/*;q=0.8']],
        ['/skip/csp_self', 'none'],
        ['/skip/csp_report', 'none'],
        ['/tier/skip/plain?tier=t2', 'none'],
        ['/tier/skip/plain?tier=t2', 'none', ['Sec-GPC', '1']],
        ['/chunked/9/header', 'none'],
        ['/skip/not_found', 'status'],
        ['/skip/partial', 'status'],
        ['/skip/nothing', 'status'],
        ['/skip/moved', 'status'],
        ['/skip/unchanged', 'status'],
        ['/skip/json', 'type'],
        ['/skip/xhtml', 'type'],
        ['/skip/events', 'stream'],
        ['/skip/attachment', 'attachment'],
        ['/skip/utf16', 'charset'],
        ['/skip/brotli', 'encoding'],
        ['/skip/stacked', 'encoding'],
        ['/skip/gzip', 'encoding'],
        ['/skip/no_transform', 'no_transform'],
        ['/skip/digest', 'digest'],
        ['/skip/repr_digest', 'digest'],
        ['/skip/content_md5', 'digest'],
        ['/skip/plain', 'ajax', $fetch],
        ['/skip/plain', 'ajax', ['Sec-Fetch-Dest', 'iframe']],
        ['/skip/plain', 'ajax', ['X-Requested-With', 'XMLHttpRequest']],
        ['/skip/plain', 'ajax', ['Accept', 'application/json']],
        ['/skip/plain', 'prefetch', ['Sec-Purpose', 'prefetch;prerender']],
        ['/skip/plain', 'prefetch', ['Purpose', 'prefetch']],
        ['/skip/csp_none', 'csp'],
        ['/skip/csp_other', 'csp'],
        ['/skip/csp_mute', 'csp'],
        ['/skip/csp_two', 'csp'],
        ['/csp/skip/plain', 'csp'],
        ['/skip/tiny', 'size'],
        ['/skip/empty', 'size'],
        ['/skip/small', 'size'],
        ['/tier/skip/plain?tier=t1', 'no_consent'],
        ['/tier/skip/plain?tier=nonsense', 'no_consent'],
        ['/tier/skip/plain?tier=t1', 'gpc', ['Sec-GPC', '1']],
        ['/skip/plain?bypass=1', 'bypass'],
        ['/skip/plain?bypass=0', 'none'],
        ['/off/skip/plain', 'off'],
        ['/no_tag/skip/plain', 'off'],
        ['/observe/skip/plain', 'observe'],
        ['/chunked/9/json', 'no_document'],
        ['/static9/fragment', 'no_document'],
    );
    my $n = 0;
    my @res = map {
        my ($path, undef, $headers) = @$_;
        http($port, GET => $path, headers => ['X-N', ++$n, @{ $headers || [] }])
    } @cases;
    my %got = events($nginx->dir . '/skips.log', $n);

    special('plain');

    for my $i (0 .. $#cases) {
        my ($path, $want, $headers) = @{ $cases[$i] };
        my $name = join ' ', $path, @{ $headers || [] };

        is($got{ $i + 1 }[0], $want, "$name: $want");
        next if $path =~ m{^/(?:chunked|static9)/};

        my ($key) = $path =~ m{/skip/(\w+)};
        my $sent = $special{$key}{gzip} ? undef
            : $special{$key}{body} // $pages{plain}{body};
        $sent = '' if $key =~ /^(?:nothing|unchanged)$/;
        next unless defined $sent;

        is($res[$i]->body, $want eq 'none'
            ? placed({ body => $sent, at => index($sent, '<head>') + 6 }, $tag)
            : $sent, "$name: the body");
    }
}


# Nothing is held back, with a tag or without.

sub streams {
    for my $case (['/unbuffered/skip/slow', qr/data: 1/, qr/data: 3/],
                  ['/unbuffered/skip/slow_page', $TAG, qr{</body>}])
    {
        my ($path, $first, $last) = @$case;
        my $c = http_client($port);

        $c->send_request(GET => $path);
        ok(wait_for(sub { $c->fill(0.2); $c->{in} =~ $first }, 10),
            "$path: the first part comes");
        unlike($c->{in}, $last, "$path: before the last is sent");
        ok(wait_for(sub { $c->fill(0.2); $c->{in} =~ $last }, 10),
            "$path: the last comes as well");
    }
}


sub subrequests {
    my $res = http($port, GET => '/ssi/skip/ssi');
    my @tags = $res->body =~ /$TAG/g;

    is(scalar @tags, 1, 'a page with an included page has one tag');
    like($res->body, qr/<HEAD\t><title>/, 'the included one has none');

    $res = http($port, GET => '/skip/error');
    is($res->status, 500, 'an error page keeps its status');
    unlike($res->body, $TAG, 'and gets no tag');
}
