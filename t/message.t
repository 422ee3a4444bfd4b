#!/usr/bin/perl

# The free-shipping message that the proxy puts into a page: only into pages
# that are one shopper's alone, only with numbers that are true now, and not a
# byte of it in anybody else's page, whatever caches stand around.

use strict;
use utf8;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $BYTES = 768;                 # doc/messages.md: each message's length
my $BAR = qr{<aside class="cr-bar cr-m1".*?</aside>}s;
my $FILL = 'A word. ' x 300 . 'End.';
binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

my $origin = origin_start(\&shop, log => 0);
my $common = <<END;
        cartrecover_profile demo;
        cartrecover_consent \$arg_tier;
        proxy_cache pages;
        proxy_cache_valid 200 10m;
        proxy_cache_key \$request_uri;
        proxy_http_version 1.1;
        proxy_set_header Cookie \$http_cookie;
        access_log %%DIR%%/access.log said;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END
my $nginx = nginx_start(workers => 2,
    http => "log_format said '\$request_uri \$cartrecover_message "
        . "\$cartrecover_action \$cartrecover_skip';\n"
        . "proxy_cache_path %%DIR%%/inner keys_zone=pages:1m;\n"
        . "proxy_cache_path %%DIR%%/outer keys_zone=outer:1m;\n",
    files => {
        'shop.json' => policy('shop1', {}),
        'held.json' => policy('held', { holdout => { pct => 50 } }),
        'silent.json' => policy('silent',
            { messages => { M1 => { on => JSON::PP::false } } }),
    },
    server => "cartrecover on; cartrecover_shop %%DIR%%/shop.json;\n$common",
    servers => [
        server('watched', 'cartrecover observe; '
            . "cartrecover_shop %%DIR%%/shop.json;\n$common"),
        server('held', "cartrecover on; cartrecover_shop %%DIR%%/held.json;\n"
            . $common),
        server('silent', 'cartrecover on; '
            . "cartrecover_shop %%DIR%%/silent.json;\n$common"),
        server('packed', 'cartrecover on; gunzip on; gzip on; '
            . 'gzip_proxied any; '
            . "cartrecover_shop %%DIR%%/shop.json;\n$common"),
        # a cache that another company runs in front of ours
        server('cdn', 'proxy_cache outer; proxy_cache_valid 200 10m; '
            . 'proxy_cache_key $request_uri; '
            . 'add_header X-Cache $upstream_cache_status always; '
            . 'location / { proxy_pass http://127.0.0.1:%%PORT%%; }'),
    ]);

what_it_says();
where_it_stands();
what_is_left_alone();
lengths();
caches();

$nginx->stop;
$origin->stop;

done_testing();


sub what_it_says {
    my $jar = { tier => 't1' };

    add($jar, 2);

    my $bar = bar($jar, '/cart');

    like($bar, qr{<p><bdi>€20\.00</bdi> to go for free shipping\.</p>},
        'a cart of 30 euros is 20 short of 50');
    like($bar, qr{<progress [^>]*max="100" value="60">},
        'three fifths of the way');
    is(said('/cart?tier=t1'), 'M1 bar no_consent', 'the variables name it');

    like(bar($jar, '/cart?lang=de-AT'),
        qr{<p>Noch <bdi>€\xa020,00</bdi> bis zum kostenlosen Versand\.</p>},
        'in the language of the page, amounts as its country writes them');
    like(bar($jar, '/cart?lang=xx'), qr{lang="en"},
        'in the shop\'s language where there is no translation');

    add($jar, 4);
    like(bar($jar, '/cart'), qr{<p>Your order ships free\.</p>},
        'a cart of 90 euros has reached it');

    # The change is known, its price is not: a redirect names no amount.
    add($jar, 1, 'redirect');
    like(bar($jar, '/account'), qr{Free shipping on orders from <bdi>€50\.00},
        'without a number that is true now, without the shopper\'s numbers');
    unlike(bar($jar, '/account'), qr{<progress}, 'and without a bar');

    is(bar({ tier => 't1' }, '/cart'), '', 'nothing to who has no cart');
}


sub where_it_stands {
    my $jar = { tier => 't1' };

    add($jar, 2);

    my $page = ask($jar, '/cart');

    like($page->body, qr{<body class="a>b"><link rel="stylesheet" href="/_cr/m\.css\?v=[0-9a-f]{8}"><aside},
        'behind <body>, with its style sheet');
    unlike($page->body, qr{<script[^>]*>var x = '<body><aside},
        'not where a script only names one');

    my ($sheet) = $page->body =~ m{href="(/_cr/m\.css[^"]+)"};
    my $css = http($nginx->port, GET => $sheet);

    like($css->header('Content-Type'), qr{^text/css}, 'a style sheet');
    like($css->header('Cache-Control'), qr/immutable/, 'kept for good');

    is($page->header('Cache-Control'), 'private, no-store',
        'the page leaves for one shopper alone');
    is($page->header($_), undef, "without $_")
        for qw(ETag Last-Modified Expires);

    like(bar($jar, '/checkout'), qr/to go/,
        'a checkout page that says nothing of caches: the profile knows it');
    my $checkout = ask($jar, '/checkout');
    is($checkout->header('Cache-Control'), 'private, no-store',
        'and it says so from now on');

    unlike(ask($jar, '/cart?csp=none')->body, qr/<link rel="stylesheet"/,
        'no sheet where the policy lets none in');
    like(bar($jar, '/cart?csp=none'), qr/to go/, 'the words are there');

    is(bar($jar, '/p/lamp'), '', 'a public page has none');
    is(bar($jar, '/home'), '', 'a page that says nothing of caches has none');

    my $scripts = { %$jar, tier => 't2' };
    like(ask($scripts, '/cart')->body, qr{<head><script async src="/_cr/b\.js},
        'beside the tag, where that is allowed');
    like(bar($scripts, '/cart'), qr/to go/, 'both in one page');

    # What comes compressed is inflated for it, where nginx may do that.
    my $packed = { tier => 't2' };
    add($packed, 2, 'json', 'packed');
    for my $uri ('/account?gz=1', '/cart?gz=1') {
        my $res = ask($packed, $uri, port => 'packed',
            'Accept-Encoding' => 'gzip');
        is($res->header('Content-Encoding'), 'gzip', "$uri: as gzip");
        like($res->gunzip, qr{<head><script async.*$BAR}s,
            "$uri: with the message and the tag");
    }

    my $nobody = { %$jar, tier => 't0' };
    delete $nobody->{cr_sid};
    like(bar($nobody, '/cart'), qr/to go/,
        'in tier T0 too, known by the shop\'s own session');
}


sub what_is_left_alone {
    my $jar = { tier => 't1' };

    add($jar, 2);

    for (['/cart?type=text/plain', 'another type'],
        ['/cart?cc=no-transform', 'what may not be transformed'],
        ['/cart?status=404', 'an error page'],
        ['/cart?encoding=br', 'a compressed page'])
    {
        my ($uri, $what) = @$_;
        my $page = ask($jar, $uri);

        unlike($page->body, $BAR, $what);
        ok($page->complete, "$what is whole");
    }

    is(bar($jar, '/cart', 'X-Requested-With' => 'XMLHttpRequest'), '',
        'a fragment for a script');

    is(bar($jar, '/cart', port => 'silent'), '', 'switched off by the policy');

    my $watched = { tier => 't1' };
    add($watched, 2, 'json', 'watched');
    is(bar($watched, '/cart', port => 'watched'), '', 'observe touches nothing');

    # Half of all are in the holdout here: they get nothing, the others do.
    my %seen;
    for (1 .. 40) {
        my $one = { tier => 't2' };
        add($one, 2, 'json', 'held');
        my $bar = bar($one, "/cart?n=$_", port => 'held') ? 'bar' : 'none';
        $seen{"$bar " . said("/cart?n=$_&tier=t2")}++;
    }
    my ($held, $treated) = @seen{'none none none holdout', 'bar M1 bar none'};
    is(($held // 0) + ($treated // 0), 40, 'the holdout decides, and is named')
        or diag(explain(\%seen));
    ok($held && $treated, 'both arms were seen');
}


# A promise of so many bytes is kept on every path.

sub lengths {
    my $jar = { tier => 't1' };

    add($jar, 2);

    for my $shape (qw(plain late nobody json header)) {
        for my $tier (qw(t1 t2)) {
            for my $step (1, 7, 100000) {
                my $uri = "/cart?shape=$shape&piece=$step";
                my $page = ask({ %$jar, tier => $tier }, $uri);
                my $want = page_body($shape, '');
                my $body = $page->body;
                my $tag = $body =~ s{<script async src="/_cr/[^>]+></script>}{}
                    ? length $& : 0;

                ok($page->complete, "$shape $tier $step: whole");
                $body =~ s{(?:<link [^>]*>)?$BAR}{};
                $body =~ s{ {100,}}{};
                is($body, $want =~ s/ {100,}//r, "$shape $tier $step: the page "
                    . 'is as it was but for the message');
                my $head = ask({ %$jar, tier => $tier }, $uri,
                    method => 'HEAD');
                is($head->header('Content-Length'),
                    $page->header('Content-Length'),
                    "$shape $tier $step: HEAD says what GET does");
            }
        }
    }
}


# Two shoppers through a cache in nginx and through one in front of it.

sub caches {
    for my $port ($nginx->port, $nginx->port('cdn')) {
        my $where = $port == $nginx->port ? 'inner cache' : 'cache in front';
        my ($ann, $bob) = ({ tier => 't2' }, { tier => 't2' });

        add($ann, 2, 'json', $port);
        add($bob, 1, 'json', $port);

        my @pages = ('/cart', '/checkout', '/account', '/p/lamp', '/home');
        my (@ann, @bob);

        for my $round (1 .. 3) {
            push @ann, map { ask($ann, "$_?n=$port", port => $port) } @pages;
            push @bob, map { ask($bob, "$_?n=$port", port => $port) } @pages;
        }

        my $all = join '', map { $_->head . $_->body } @bob;

        ok($ann->{cr_sid} && $bob->{cr_sid}, "$where: both are known");
        ok($all !~ /\b20\.00|\Q$ann->{cr_sid}\E/,
            "$where: nothing of Ann's in Bob's pages");
        $all = join '', map { $_->head . $_->body } @ann;
        ok($all !~ /\b35\.00|\Q$bob->{cr_sid}\E/,
            "$where: nothing of Bob's in Ann's");

        my $stranger = join '', map { my $res = ask({ tier => 't2' },
            "$_?n=$port", port => $port); $res->head . $res->body } @pages;
        ok($stranger !~ /cr-bar|$ann->{cr_sid}|$bob->{cr_sid}/,
            "$where: a stranger gets neither");

        # The control: these caches do keep what is public.
        is($ann[3]->header('X-Served'), $bob[8]->header('X-Served'),
            "$where: it is a cache, and one page served both");
        isnt($ann[0]->header('X-Served'), $bob[0]->header('X-Served'),
            "$where: their carts were not");
        like($ann[0]->body, $BAR, "$where: and Ann had her message");
    }
}


# ---- the shop ----

sub shop {
    my ($req) = @_;
    my %arg = map { split /=/, $_, 2 } split /&/, $req->{args} // '';
    my ($sid) = ($req->{h}{cookie} // '') =~ /shop_sid=(\w+)/;

    if ($req->{path} eq '/cart/add') {
        my %form = map { split /=/, $_, 2 } split /&/, $req->{body};
        my @head = ('Cache-Control', 'private, no-store', 'Set-Cookie',
            'shop_sid=' . ($sid // "s$req->{n}") . '; Path=/');

        return { status => 302, headers => [@head, 'Location', '/cart'] }
            if $form{how} eq 'redirect';

        return { headers => [@head, 'Content-Type', 'application/json'],
            body => json_encode({ ok => JSON::PP::true, cart => {
                currency => 'EUR', subtotal => 15 * $form{qty},
                total => 15 * $form{qty} + 4.9, shipping => 4.9,
                items => [{ sku => 'MUG', qty => $form{qty} + 0, price => 15,
                    name => 'Mug', options => '' }] } }) };
    }

    my @head = ('Content-Type', ($arg{type} // 'text/html') . '; charset=utf-8',
        'X-Served', $req->{n}, 'ETag', '"v1"', 'Last-Modified', 'Sat, 01 Aug 2026 10:00:00 GMT');
    my $path = $req->{path};

    push @head, 'Cache-Control', $arg{cc} // (
        $path =~ m{^/(?:cart|account)} ? 'private, max-age=0' : 'public')
        if $path ne '/checkout' && $path ne '/home';
    push @head, 'Expires', 'Thu, 31 Dec 2099 23:59:59 GMT' if $path eq '/cart';
    push @head, 'Content-Security-Policy', "style-src 'none'" if $arg{csp};
    push @head, 'Content-Encoding', $arg{encoding} if $arg{encoding};

    return { status => $arg{status} // 200, headers => \@head,
        body => page_body($arg{shape} // 'plain', $arg{lang} // ''),
        piece => $arg{piece}, gzip => $arg{gz} };
}


sub page_body {
    my ($shape, $lang) = @_;
    my $html = '<!doctype html><html' . ($lang ? qq( lang="$lang") : '') . '>';
    my $script = "<script>var x = '<body>';</script>";

    return {
        plain => "$html<head>$script</head><body class=\"a>b\"><p>$FILL</p>"
            . '</body></html>',
        late => "$html<head>" . "<meta name=\"x\" content=\"$FILL\">" x 20
            . "</head><body><p>x</p></body></html>",
        nobody => "$html<title>t</title><p>$FILL",
        json => json_encode({ html => $FILL }),
        header => "<header>$FILL</header>",
    }->{$shape};
}


# What the variables said of the last request for uri.

sub said {
    my ($uri) = @_;
    my $line;

    wait_for(sub {
        ($line) = reverse grep { /^\Q$uri\E / }
            split /\n/, slurp("$nginx->{dir}/access.log");
    }, 5);

    return ($line // '') =~ s/^\S+ //r;
}


# ---- shoppers ----

sub policy {
    my ($id, $change) = @_;

    return json_encode({ shop => { id => $id, currency => 'EUR',
        locales => ['en', 'de'], default => 'en' },
        costs => { free_shipping => 5000 }, holdout => { pct => 0 },
        %$change });
}


sub server {
    my ($name, $text) = @_;

    return "server { listen 127.0.0.1:%%PORT_$name%%; "
        . "server_name shop.example;\n$text }\n";
}


sub add {
    my ($jar, $qty, $how, $port) = @_;

    return ask($jar, '/cart/add', method => 'POST', port => $port,
        body => "sku=MUG&qty=$qty&how=" . ($how // 'json'),
        Accept => ($how // 'json') eq 'json' ? 'application/json'
            : 'text/html');
}


sub bar {
    my $body = ask(@_)->body;

    utf8::decode($body);

    return $body =~ /($BAR)/ ? $1 : '';
}


sub ask {
    my ($jar, $uri, %o) = @_;

    my $port = delete $o{port} // 'main';
    my $method = delete $o{method} // 'GET';
    my $body = delete $o{body};
    my %cookies = %$jar;
    my $tier = delete $cookies{tier};

    $port = $nginx->port if $port eq 'main';
    $port = $nginx->port($port) if $port !~ /^\d+$/;
    $uri .= ($uri =~ /\?/ ? '&' : '?') . "tier=$tier";

    my $cookie = join '; ', map { "$_=$cookies{$_}" } sort keys %cookies;
    my $res = http($port, $method => $uri,
        headers => [Accept => 'text/html', %o,
            ($cookie ? (Cookie => $cookie) : ())],
        defined $body ? (body => $body) : ());

    for ($res->headers('Set-Cookie')) {
        $jar->{$1} = $2 if /^(\w+)=([^;]*)/;
    }

    return $res;
}
