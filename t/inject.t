#!/usr/bin/perl

# The tag beside what else nginx does with a page: the place that is configured,
# the nonce of a policy, ranges, caches, error pages, files, and the filters
# that come before and after ours.

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
my $plain = $pages{plain}{body};
my %csp = (
    nonce => ["script-src 'nonce-Zm9v+/_-=='"],
    dynamic => ["script-src 'strict-dynamic' 'nonce-abc' https:"],
    self => ["script-src 'self' 'nonce-abc'"],
    two => ["script-src 'self'", "script-src 'nonce-abc'"],
    list => ["script-src 'nonce-abc', script-src 'nonce-abc'"],
    bad => ["script-src 'nonce-a\"><script>'"],
    hash => ["script-src 'sha256-abc'"],
    differ => ["script-src 'nonce-abc'", "script-src 'nonce-def'"],
    mute => ["script-src 'nonce-abc'; connect-src https://api.example"],
    box => ['sandbox allow-forms'],
);
my $origin = origin_start(\&shop, log => 0);
my $nginx = front();
my $port = $nginx->port;
my ($tag) = http($port, GET => '/page/plain')->body =~ /($TAG)/;

ok($tag, 'the tag is in a page') or BAIL_OUT('no tag');
(my $wide = $tag) =~ s/async/'async' . ' ' x length $doctype/e;

starts();
nonces();
ranges();
caches();
other_filters();
errors();
transform();
charsets();
odd_prefix();
counters();

$nginx->stop;
$origin->stop;

done_testing();


# /page/NAME, /gz/NAME, /csp/NAME, /csp_gz/NAME and a few answers of their own.

sub shop {
    my ($req) = @_;
    my (undef, $kind, $name) = split m{/}, $req->{path};
    my @html = ('Content-Type', 'text/html; charset=utf-8', 'ETag', '"abc"',
        'Last-Modified', 'Sat, 01 Aug 2026 10:00:00 GMT', 'Accept-Ranges',
        'bytes');

    push @html, map { ('Content-Security-Policy', $_) } @{ $csp{$name} || [] }
        if $kind =~ /^csp/;

    if ($kind =~ /gz$/) {
        my $text = $kind eq 'gz' ? $pages{$name}{body} : $plain;
        return { headers => [@html, 'Content-Encoding', 'gzip'],
            body => Compress::Zlib::memGzip($text) };
    }

    return { headers => \@html, body => $plain } if $kind eq 'csp';
    return { headers => \@html, body => $pages{$name}{body},
        $req->{args} =~ /piece=(\d+)/ ? (piece => $1, mode => 'chunked') : () }
        if $kind eq 'page';
    return { headers => [@html, 'Cache-Control', 'no-transform'],
        body => $plain } if $kind eq 'no_transform';
    return { headers => \@html, body => "$doctype<base href=\"//cdn.example/\">"
        . "<p>$kind" x 20 } if $kind eq 'headless';
    return { headers => \@html, body => $doctype . '<!-- ' . 'x' x 70_000
        . "--><html><head><title>x</title>" } if $kind eq 'endless';
    return { status => 503, headers => \@html, body => $plain }
        if $kind eq 'down';
    return { headers => ['Content-Type', $req->{args} =~ s/\+/ /gr],
        body => $plain } if $kind eq 'type';
    return { headers => \@html, body => 'added by the side' x 9 };
}


sub front {
    my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";
    my $dir = tmpdir();

    mkdir "$dir/html";
    spew("$dir/html/plain.html", $plain);
    spew("$dir/html/503.html", $plain);

    return nginx_start(dir => $dir, http => <<END, server => <<END2,
    log_format skips '\$http_x_n \$cartrecover_skip';
    proxy_http_version 1.1;
    proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
    charset_map koi8-r utf-8 { C0 D18E; }
END
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        access_log %%DIR%%/skips.log skips;
        location / { $proxy }
        location /start/ {
            $proxy
            rewrite ^/start/(.*) /\$1 break;
            cartrecover_inject beacon place=start;
            location /start/loose/ {
                $proxy
                rewrite ^/start/loose/(.*) /\$1 break;
                proxy_buffering off;
            }
        }
        location /cached/ {
            $proxy
            rewrite ^/cached/(.*) /\$1 break;
            proxy_cache c;
            proxy_cache_valid 1m;
            proxy_cache_key \$uri;
            add_header X-Cache \$upstream_cache_status;
        }
        location /added/ {
            $proxy
            rewrite ^/added/(.*) /\$1 break;
            add_before_body /side;
            add_after_body /side;
        }
        location /sub/ {
            $proxy
            rewrite ^/sub/(.*) /\$1 break;
            sub_filter '<title>' '<title>The ';
        }
        location /ssi/ { alias %%DIR%%/html/; ssi on; }
        location /recode/ {
            $proxy
            rewrite ^/recode/(.*) /\$1 break;
            charset koi8-r;
            override_charset on;
        }
        location /pack/ {
            $proxy
            rewrite ^/pack/(.*) /\$1 break;
            gzip on;
            gzip_proxied any;
            gzip_min_length 1;
        }
        location /own_errors/ {
            $proxy
            rewrite ^/own_errors/(.*) /\$1 break;
            proxy_intercept_errors on;
            error_page 503 /503.html;
        }
        location /as_200/ {
            $proxy
            rewrite ^/as_200/(.*) /\$1 break;
            proxy_intercept_errors on;
            error_page 503 =200 /503.html;
        }
        location = /503.html { root %%DIR%%/html; }
        location /ignore/ {
            $proxy
            rewrite ^/ignore/(.*) /\$1 break;
            cartrecover_inject beacon no_transform=ignore;
        }
        location = /status { cartrecover_status json; }
        location /files/ { alias %%DIR%%/html/; sendfile on; etag on; }
END2
        servers => <<END3);
    server {
        listen 127.0.0.1:%%PORT_odd%%;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_prefix /shop/;
        location / { $proxy }
    }
END3
}


my $n = 0;

sub fetch {
    my ($path, %o) = @_;

    return http($o{port} // $port, $o{method} // 'GET', $path,
        headers => ['X-N', ++$n, 'Accept-Encoding', 'gzip',
            @{ $o{headers} || [] }]);
}


sub text {
    my ($res) = @_;

    return ($res->header('Content-Encoding') // '') eq 'gzip'
        ? $res->gunzip : $res->body;
}


sub skip_word {
    my %got = events($nginx->dir . '/skips.log', $n);

    return $got{$n}[0];
}


# An answer that is whole and at its length.

sub whole {
    my ($res) = @_;
    my $length = $res->header('Content-Length');

    return $res->complete
        && (!defined $length || $length == length $res->body);
}


# place=start: our doctype and the tag first where the page begins as it must,
# else the tag behind <head>, as long as was announced.

sub starts {
    for my $way ('/start', '/start/loose') {
        for my $name (sort keys %pages) {
            my $page = $pages{$name};
            my $res = fetch("$way/page/$name");
            my $front = $name =~ /^(?:plain|upper|comment|last_byte|header
                |no_head|text_first)$/x;
            my $want = $front ? "$doctype$tag$page->{body}"
                : placed($page, $wide, 1);

            is(text($res), $want, "$way: $name: "
                . ($front ? 'in front' : 'behind the head'));
            ok(whole($res), "$way: $name: at its length");
        }

        for my $piece (1, 15, 16, 40, 4096) {
            my $res = fetch("$way/page/plain?piece=$piece");
            my $text = text($res);

            ok($text eq "$doctype$tag$plain"
                || $text eq placed($pages{plain}, $wide),
                "$way: in pieces of $piece: one place or the other");
        }
    }

    my ($get, $head) = map { fetch('/start/page/plain', method => $_) }
        qw(GET HEAD);
    is($head->header('Content-Length'), $get->header('Content-Length'),
        'place=start: HEAD says the length of GET');
}


# A copied nonce stands in the tag, whatever place; a policy is never changed.

sub nonces {
    my %want = (nonce => 'Zm9v+/_-==', dynamic => 'abc', two => 'abc',
        list => 'abc', self => '');

    for my $name (sort keys %csp) {
        for my $way ('', '/start') {
            for my $kind (qw(csp csp_gz)) {
                my $path = "$way/$kind/$name";
                my $res = fetch($path);
                my $text = text($res);
                my @tags = $text =~ m{(<script async[^>]*></script>)}g;

                is_deeply([$res->headers('Content-Security-Policy')],
                    $csp{$name}, "$path: the policy as it was");
                ok(whole($res), "$path: at its length");

                if (!defined $want{$name}) {
                    is($text, $plain, "$path: no tag");
                    is(skip_word(), 'csp', "$path: csp");
                    next;
                }

                my ($nonce) = ($tags[0] // '') =~ / nonce="([^"]*)"/;
                is(scalar @tags, 1, "$path: one tag");
                is($nonce // '', $want{$name}, "$path: its nonce");
                $text =~ s/\Q$tags[0]\E//;
                is($text =~ s/^\Q$doctype$doctype\E/$doctype/r, $plain,
                    "$path: else as it was");
            }
        }
    }
}


sub ranges {
    my @validators = ('"abc"', 'W/"abc"', 'Sat, 01 Aug 2026 10:00:00 GMT');

    for my $path ('/page/plain', '/cached/page/plain', '/files/plain.html',
                  '/gz/plain')
    {
        for my $if (undef, @validators) {
            my $res = fetch($path, headers => ['Range', 'bytes=3-20',
                defined $if ? ('If-Range', $if) : ()]);
            my $name = "$path: a range" . (defined $if ? ", if $if" : '');

            is($res->status, 200, "$name gets the whole page");
            like(text($res), qr/$TAG/, "$name: with its tag");
            ok(whole($res), "$name: at its length");
        }
    }
}


# The cache keeps the storefront's page; each hit gets the tag anew.

sub caches {
    for my $path ('/cached/page/upper', '/cached/page/json',
                  '/cached/gz/plain')
    {
        my @res = map { fetch($path) } 1 .. 3;

        is_deeply([map { $_->header('X-Cache') } @res], [qw(MISS HIT HIT)],
            "$path: cached");
        is($_->body, $res[0]->body, "$path: always the same") for @res[1, 2];
        ok(whole($_), "$path: at its length") for @res;
    }

    is(fetch('/cached/page/upper')->body, placed($pages{upper}, $tag),
        'a hit has one tag');

    my $res = fetch('/cached/page/upper', headers => ['If-None-Match',
        fetch('/cached/page/upper')->header('ETag')]);
    is($res->status, 304, 'and its ETag gives 304');
}


# Those behind ours get a page with the tag and clear its length themselves.

sub other_filters {
    my $side = 'added by the side' x 9;

    is(text(fetch('/added/page/plain')), $side
        . placed($pages{plain}, $tag) . $side, 'addition: one tag, in the page');
    is(text(fetch('/sub/page/plain')),
        placed($pages{plain}, $tag) =~ s/<title>/<title>The /r,
        'sub_filter finds its word');
    is(text(fetch('/ssi/plain.html')), placed($pages{plain}, $tag),
        'SSI: the tag is in the page');
    is(text(fetch('/recode/page/plain')), placed($pages{plain}, $tag),
        'charset recodes the page with its tag');

    my $res = fetch('/pack/page/plain');
    is($res->header('Content-Encoding'), 'gzip', 'gzip: still');
    is(text($res), placed($pages{plain}, $tag), 'gzip: with the tag');
    ok(whole($res), 'gzip: whole');

    is(text(fetch('/pack/gz/plain')), "$doctype$tag$plain",
        'gzip leaves a spliced page alone');
}


sub errors {
    my $res = fetch('/own_errors/down/x');
    is($res->status, 503, 'an error page keeps its status');
    is(text($res), $plain, 'and gets no tag');
    is(skip_word(), 'status', 'because of its status');

    $res = fetch('/as_200/down/x');
    is($res->status, 200, 'one that says 200');
    is(text($res), placed($pages{plain}, $tag), 'is a page as any');
    ok(whole($res), 'at its length');
}


sub transform {
    is(text(fetch('/no_transform/x')), $plain, 'no-transform is heeded');
    is(skip_word(), 'no_transform', 'and said');
    is(text(fetch('/ignore/no_transform/x')), placed($pages{plain}, $tag),
        'unless it is to be ignored');
}


sub charsets {
    for my $type ('text/html;charset=utf-16', 'text/html; charset="UTF-16LE"',
        'text/html; charset=UTF-32BE')
    {
        is(text(fetch('/type/x?' . $type =~ s/ /+/r)), $plain,
            "$type: no tag");
        is(skip_word(), 'charset', "$type: because of it");
    }

    for my $type ('text/html', 'TEXT/HTML;charset=Shift_JIS',
        'text/html; charset=windows-1251')
    {
        is(text(fetch('/type/x?' . $type =~ s/ /+/r)),
            placed($pages{plain}, $tag), "$type: a tag");
    }

    for my $type ('text/htmlx', 'text/x-html', 'application/xhtml+xml') {
        is(text(fetch("/type/x?$type")), $plain, "$type: no tag");
        is(skip_word(), 'type', "$type: because of it");
    }
}


# The tag stays a multiple of five long with any prefix, and spliced pages whole.

sub odd_prefix {
    my $odd = $nginx->port('odd');
    my $res = fetch('/page/plain', port => $odd);
    my ($own) = $res->body =~ m{(<script async *src="/shop/[^>]*></script>)};

    ok(defined $own, 'another prefix is in the tag') or return;
    is(length($own) % 5, 0, 'its length');

    for my $name (qw(plain mark)) {
        $res = fetch("/gz/$name", port => $odd);
        is(text($res), ($name eq 'plain' ? "$doctype$own" : '')
            . $pages{$name}{body}, "$name as gzip with it");
        ok(whole($res), 'at its length');
    }

    my ($src) = $own =~ /src="([^"]*)"/;
    like(fetch($src, port => $odd)->header('Cache-Control'), qr/immutable/,
        'and its address is that of the script');
}


# Tags that nobody may ever load stand behind the page: they are counted.

sub counters {
    my $count = sub { @{ json_decode(http($port, GET => '/status')->body)
        ->{counters} }{qw(injected tag_at_end scan_capped faults)} };
    my @before = $count->();

    like(text(fetch('/headless/x')), qr/$TAG\z/,
        'a page without a head has its tag at the end');
    is_deeply([$count->()], [$before[0] + 1, $before[1] + 1, @before[2, 3]],
        'counted as such');

    like(text(fetch('/endless/x')), qr/$TAG\z/,
        'so has one whose head comes behind 64 KB');
    is_deeply([$count->()], [$before[0] + 2, $before[1] + 2, $before[2] + 1,
        $before[3]], 'counted too');
    is($before[3], 0, 'no fault');
}
