#!/usr/bin/perl

# POST hook: what a shop's signed webhooks may do, and what nobody else may.
# nginx, Redis and the worker are real; the shop behind nginx is the demo's.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin qw($Bin);
use lib "$Bin/lib";
use MIME::Base64 qw(encode_base64 decode_base64);
use POSIX qw(strftime);
use Time::HiRes qw(time);

use Test::More;

use CR;

use constant FORGED => 1000;

my %key = (woocommerce => 'woo secret of the shop', shopify =>
    'shopify secret of the shop', standard => 'a standard secret, 24 by');
my $key = 'cr:{shop1}:';
my $n = 0;                                  # deliveries and orders so far

my $origin = origin_start(\&shop, log => 0);
my $redis = redis_start(appendfsync => 'always');
my $dir = tmpdir();
spew("$dir/$_.key", "$key{$_}\n", 0600) for keys %key;
spew("$dir/standard.key", 'whsec_' . encode_base64($key{standard}, ''), 0600);
spew("$dir/old.key", 'the woo secret of last year', 0600);
policy_file("$dir/policy.json",
    abandon => { cart_after => '1h', checkout_after => '1h',
        payment_after => '1h', min_value => 0 },
    holdout => { pct => 0, adaptive => json_decode('[false]')->[0],
        epoch => 1 });

my $server = <<END;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_hook woocommerce secret=%%DIR%%/woocommerce.key
                                     previous=%%DIR%%/old.key;
        cartrecover_hook shopify secret=%%DIR%%/shopify.key;
        cartrecover_hook standard secret=%%DIR%%/standard.key tolerance=60s;
        location = /_cr/status { cartrecover_status json; }
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END
my $nginx = nginx_start(dir => $dir, redis => $redis, workers => 2,
    server => $server, servers => <<END);
    server {
        listen 127.0.0.1:%%PORT_none%%;
        server_name none.example;
        cartrecover observe;
        cartrecover_shop %%DIR%%/policy.json;
        location / { return 204; }
    }
END
my $port = $nginx->port;
my $worker = worker();

strangers();
senders();
forged();
replayed();
states();
stops();
one_order();
custom_shop();
outage();
configuration();

stop_process($worker);
$nginx->stop;
$origin->stop;

done_testing();


# ---- the shop ---------------------------------------------------------------

sub shop {
    my ($req) = @_;
    my ($qty) = $req->{body} =~ /qty=(\d+)/;
    my @private = ('Cache-Control', 'private, no-store');

    if ($req->{uri} eq '/cart/add') {
        return { headers => [@private, 'Content-Type', 'application/json'],
            body =>
            json_encode({ ok => JSON::PP::true(), cart => { currency => 'EUR',
                total => 14.95 * $qty, items => [{ sku => 'MUG', qty => $qty,
                    price => 14.95, name => 'Mug' }] } }) };
    }

    if ($req->{uri} eq '/checkout/contact') {
        return { status => 303, headers => [@private, 'Location',
            '/checkout/shipping'] };
    }

    if ($req->{uri} eq '/checkout/payment') {
        return { status => 303, headers => [@private, 'Location',
            '/order/' . ($req->{body} =~ /id=([\w-]+)/)[0]
                . '?total=2990&currency=EUR'] };
    }

    return { headers => ['Content-Type', 'text/html'], body => '<html>' };
}


# A browser with two mugs in the cart and an address that may be written to.

sub shopper {
    my $jar = { email => 'shopper' . ++$n . '@example.net' };

    visit($jar, '/cart/add', 'sku=MUG&qty=2');
    visit($jar, '/checkout/contact', "email=$jar->{email}&marketing=1");
    BAIL_OUT('no session') unless $jar->{sid};
    ok(wait_for(sub { $jar->{jid} = $redis->cmd('HGET',
        "${key}v:" . visitor($jar), 'jid') }, 20), "$jar->{email}: a journey");
    ok(wait_for(sub { ($redis->cmd('HGET', "${key}j:$jar->{jid}", 'st')
        // '') eq 'wait' && due($jar) }, 20), "$jar->{email}: it is due");

    return $jar;
}


sub visit {
    my ($jar, $uri, $body) = @_;

    my $res = http($port, POST => $uri, body => $body, headers => [
        $jar->{sid} ? (Cookie => "cr_sid=$jar->{sid}") : ()]);
    $jar->{sid} = $res->cookie('cr_sid') // $jar->{sid};

    return $res;
}


sub visitor { return unpack 'H32', decode_base64($_[0]{sid} =~ tr{-_}{+/}r) }
sub due { return defined $redis->cmd('ZSCORE', "${key}due", $_[0]{jid}) }
sub state { return $redis->cmd('HGET', "${key}j:$_[0]{jid}", 'st') }


sub worker {
    mkdir "$dir/state";
    spew("$dir/worker.conf", <<END, 0600);
redis = unix:@{[ $redis->sock ]}
secret = $dir/secret
smtp_url = smtp://127.0.0.1:1
smtp_tls = off
templates = $ROOT/conf/templates
state = $dir/state
poll_ms = 20
refresh_ms = 200
END
    return start_process("$BUILD/cartrecoverd", '-c', "$dir/worker.conf",
        { stderr => "$dir/worker.log" });
}


# ---- the senders ------------------------------------------------------------

sub stamp { return strftime('%Y-%m-%dT%H:%M:%S', gmtime($_[0] // time)) }
sub mac { return encode_base64(hmac_sha256($_[1], $_[0]), '') }


sub hook {
    my ($body, @headers) = @_;

    return http($port, POST => '/_cr/hook', body => $body,
        headers => ['Content-Type', 'application/json', @headers]);
}


sub woo_order {
    my (%o) = @_;

    return json_encode({ id => ++$n, status => 'processing',
        order_key => "wc_order_$n", currency => 'EUR', total => '29.90',
        date_created_gmt => stamp(), date_modified_gmt => stamp(),
        billing => { email => $o{email} // "buyer$n\@example.org" }, %o });
}


sub woo {
    my ($body, %o) = @_;

    return hook($body, 'X-WC-Webhook-Topic', $o{topic} // 'order.updated',
        'X-WC-Webhook-Signature', mac($o{key} // $key{woocommerce}, $body));
}


sub shopify {
    my ($body, $topic) = @_;

    return hook($body, 'X-Shopify-Topic', $topic, 'X-Shopify-Hmac-Sha256',
        mac($key{shopify}, $body), 'X-Shopify-Webhook-Id', 'w' . ++$n);
}


sub standard {
    my ($type, $data, %o) = @_;
    my $id = $o{id} // 'msg_' . ++$n;
    my $at = $o{at} // int time;
    my $body = $o{body} // json_encode({ type => $type, timestamp =>
        stamp($at) . 'Z', data => $data });

    return hook($body, 'webhook-id', $id, 'webhook-timestamp', $at,
        'webhook-signature', 'v1a,xyz v1,' . mac($key{standard},
            "$id.$at.$body"));
}


sub said {
    my ($res) = @_;

    return $res->status == 200 ? $res->json->{result} : $res->status;
}


# Orders that the worker has written down, after it has folded all.

sub told {
    wait_for(sub { $redis->cmd('XLEN', "${key}in") == 0 }, 20)
        or diag('the log is not folded');

    return grep { $_->[1]{t} eq 'order' } @{ $redis->stream("${key}out") };
}


sub counter {
    return http($port, GET => '/_cr/status')->json->{counters}{ $_[0] };
}


# ---- the specification ------------------------------------------------------

sub strangers {
    is(http($port, GET => '/_cr/hook')->status, 405, 'GET is not for it');
    is(hook('{}')->status, 401, 'nothing without a signature');
    is(http($nginx->port('none'), POST => '/_cr/hook', body => '{}')->status,
        404, 'a server without secrets has no hook');
    is(hook('x' x (256 * 1024 + 1))->status, 413, 'a body is bounded');
    is(said(hook('webhook_id=12')), 'ignored',
        'WooCommerce may try the address');
}


sub senders {
    my $before = () = told();

    is(said(woo(woo_order())), 'accepted', 'WooCommerce: an order');
    is(said(woo(woo_order(), key => 'the woo secret of last year')),
        'accepted', 'WooCommerce: under the previous secret');
    is(said(woo('{"id":1,"name":"Mug"}', topic => 'product.updated')),
        'ignored', 'WooCommerce: what is no order');
    is(woo('{"id":1}')->status, 400, 'WooCommerce: a topic that the body does '
        . 'not keep');
    is(woo('{"id":')->status, 400, 'WooCommerce: a cut body');

    my $big = woo_order(note => 'x' x 200_000);
    is(said(woo($big)), 'accepted', 'a long order');

    is(said(shopify(json_encode({ id => 5_500_000_000 + $n,
        order_number => 1001, total_price => '29.90', currency => 'EUR',
        email => 'a@example.org', created_at => stamp(time + 7200)
            . '+02:00' }), 'orders/create')), 'accepted', 'Shopify: an order');
    is(said(standard('order.created', { order_id => "c$n", total => '29.90',
        email => 'b@example.org' })), 'accepted', 'a custom shop: an order');
    is(told() - $before, 5, 'the worker knows five orders');

    my ($last) = (told())[-1];
    is($last->[1]{total}, 2990, 'with the amount in minor units');
    is($last->[1]{src}, 'hook', 'and where it came from');
}


# Bodies of a known form with a signature that is not theirs.

sub forged {
    my $before = () = told();
    my $bad = counter('hooks_refused');
    my %got;

    for my $i (1 .. FORGED) {
        my $body = woo_order();
        my $sign = mac($key{woocommerce}, $body);
        my @head = ('X-WC-Webhook-Topic', 'order.created',
            'X-WC-Webhook-Signature');
        my $at = int(time);
        my @try = (
            sub { hook($body, @head, mac('another secret of a shop', $body)) },
            sub { hook($body . ' ', @head, $sign) },
            sub { hook($body =~ s/29\.90/19.90/r, @head, $sign) },
            sub { hook($body, @head, substr $sign, 0, 1 + int rand 42) },
            sub { hook($body, @head, '') },
            sub { hook($body, 'X-Shopify-Topic', 'orders/create',
                'X-Shopify-Hmac-Sha256', $sign) },
            sub { hook($body, 'webhook-id', 'm', 'webhook-timestamp', $at,
                'webhook-signature', 'v1,' . mac($key{standard}, $body)) },
            sub { standard('order', { order_id => $i }, at => $at - 61 - $i) },
            sub { standard('order', { order_id => $i }, at => $at + 61 + $i) },
            sub { substr($sign, rand 42, 1) =~ tr{A-Za-z0-9+/}{B-ZAb-za1-90/+};
                  hook($body, @head, $sign) },
        );

        $got{ said($try[$i % @try]->()) }++;
    }

    is_deeply(\%got, { 401 => FORGED }, 'of ' . FORGED . ' forged ones none '
        . 'is accepted');
    is(told() - $before, 0, 'and none is an order');
    is(counter('hooks_refused') - $bad, FORGED, 'all are counted');
}


# The same bytes again, under other unsigned headers too.

sub replayed {
    my @body = map { woo_order() } 1 .. 20;
    my @id = map { 'replay_' . $_ } 1 .. 20;
    my $at = int time;
    my $before = () = told();
    my %got;

    is(said(woo($_)), 'accepted', 'once') for @body[0 .. 2];
    woo($_) for @body;
    standard('order', { order_id => $_ }, id => $_, at => $at) for @id;
    is(told() - $before, 40, 'forty orders');

    for my $i (0 .. 999) {
        my $res = $i % 2
            ? hook($body[$i % 20], 'X-WC-Webhook-Topic', 'order.created',
                'X-WC-Webhook-Delivery-ID', $i, 'X-WC-Webhook-Signature',
                mac($key{woocommerce}, $body[$i % 20]))
            : standard('order', { order_id => "other$i" }, id => $id[$i % 20],
                at => $at + int($i / 100));
        $got{ said($res) }++;
    }

    is_deeply(\%got, { repeated => 1000 }, 'of 1000 replays none is accepted');
    is(told() - $before, 40, 'and none is an order');

    my $old = stamp(time - 7 * 86400 - 60);
    is(woo(woo_order(date_created_gmt => $old, date_modified_gmt => $old))
        ->status, 401, 'a body of last week is a replay');
}


# A shop's states of an order.

sub states {
    for my $case ([processing => 1], ['on-hold' => 1], [completed => 1],
        ['awaiting-shipment' => 1], [refunded => 1], [pending => 0],
        [cancelled => 0], [failed => 0], ['checkout-draft' => 0])
    {
        my ($status, $orders) = @$case;
        my $before = () = told();

        woo(woo_order(status => $status));
        is(told() - $before, $orders, "$status: "
            . ($orders ? 'an order' : 'none'));
    }

    my $before = () = told();
    my %order = (id => 4242, email => 'later@example.org');
    woo(woo_order(%order, status => $_)) for qw(on-hold processing completed);
    is(told() - $before, 1, 'an order that moves on is one order');

    shopify(json_encode({ id => 77, order_number => 7, total_price => '5.00',
        currency => 'EUR', cancelled_at => stamp() . 'Z' }), 'orders/updated');
    is(told() - $before, 1, 'a cancelled one is none');
}


sub stops {
    my ($buyer, $other, $cod) = (shopper(), shopper(), shopper());

    woo(woo_order(billing => { email => uc $buyer->{email} }));
    is(state($buyer), 'purchased', 'the order stops the journey by the '
        . 'address, before the sender has its answer');
    ok(!due($buyer), 'nothing is due any more');

    standard('order', { order_id => 'cod1', visitor => $cod->{sid} });
    is(state($cod), 'purchased', 'by the visitor alone');
    ok(!due($cod), 'nothing is due any more');

    is(state($other), 'wait', 'control: somebody else\'s journey goes on');
    ok(due($other), 'and is due');

    # the address becomes known after the order

    woo(woo_order(email => 'late@example.net',
        billing => { email => 'late@example.net' }));
    told();
    my $jar = {};
    visit($jar, '/cart/add', 'sku=MUG&qty=1');
    visit($jar, '/checkout/contact', 'email=late@example.net&marketing=1');
    told();
    my $jid = $redis->cmd('HGET', "${key}v:" . visitor($jar), 'jid');
    is($redis->cmd('HGET', "${key}j:$jid", 'st'), 'purchased',
        'a contact that comes after its order is not followed up');
}


# What nginx sees and what the shop says is one order, in either order.

sub one_order {
    for my $first ('path', 'hook') {
        for my $case (
            ['the same number', sub { "n$n" }],
            ['no number in common', sub { "a-long-number-$n" }],
            ['no number at all', sub { undef }])
        {
            my ($what, $number) = @$case;
            my $jar = shopper();
            my $before = () = told();
            my $path = sub { visit($jar, '/checkout/payment', "id=n$n") };
            my $hook = sub { standard('order', { order_id => $number->(),
                email => $jar->{email}, total => '29.90',
                currency => 'EUR' }, id => "one_$first$n") };

            $_->() && told() for $first eq 'path' ? ($path, $hook)
                : ($hook, $path);
            is(told() - $before, 1, "$first first, $what: one order");
            is((told())[-1][1]{j}, $jar->{jid}, 'of the journey');
        }
    }

    my $jar = shopper();
    my $before = () = told();
    visit($jar, '/checkout/payment', "id=n$_") for $n + 1, $n + 2;
    told();
    standard('order', { order_id => "n$_", email => $jar->{email},
        total => '29.90' }, id => "two_$_") for $n + 2, $n + 1;
    is(told() - $before, 2, 'control: two orders of one amount are two');
}


# Carts, checkouts and failed payments of shops that nginx does not see.

sub custom_shop {
    my %data = (cart_id => 'app-1', currency => 'EUR', total => '29.90',
        email => 'app@example.net', consent => { email => JSON::PP::true() },
        items => [{ sku => 'MUG', quantity => 2, price => '14.95',
            name => 'Mug' }]);

    is(said(standard('checkout', \%data)), 'accepted', 'a checkout');
    told();
    my ($v) = grep { ($_->{cart} // '') =~ /"app-1"/ }
        map { $redis->hash($_) } @{ $redis->cmd('KEYS', "${key}v:*") };
    my $j = $key . 'j:' . ($v->{jid} // 'none');
    my %j = %{ $redis->hash($j) };
    is_deeply([@j{qw(st stage total)}], ['wait', 'contact', 2990],
        'is a journey that waits');
    ok($redis->hash($key . 'p:' . ($j{pid} // 'none'))->{em},
        'with an address to write to')
        or diag(explain($v, \%j));

    is(said(standard('payment_failed', { email => 'app@example.net' })),
        'accepted', 'a failed payment');
    told();
    is($redis->hash($j)->{reason}, 'payment_failure',
        'is the journey\'s reason');

    is(said(standard('order', { order_id => 'app-o', email =>
        'app@example.net' })), 'accepted', 'the order');
    is($redis->hash($j)->{st}, 'purchased', 'ends it');

    is(standard('cart', { total => '1.00' })->status, 400,
        'a cart of nobody is refused');
    is(said(standard('newsletter', {})), 'ignored', 'other types are ignored');
}


sub outage {
    my $body = woo_order();
    my $before = () = told();

    $redis->kill9;
    my $at = time;
    is(woo($body)->status, 503, 'no Redis: the sender is told to try again');
    cmp_ok(time - $at, '<', 2, 'within 2 s');
    $redis->start;
    ok(wait_for(sub { said(woo($body)) eq 'accepted' }, 60, 0.2),
        'and what it sends again counts');
    is(told() - $before, 1, 'once');

    kill 'STOP', $redis->pid;
    $at = time;
    my $next = woo_order();
    is(woo($next)->status, 503, 'Redis that does not answer: 503');
    my $took = time - $at;
    kill 'CONT', $redis->pid;
    cmp_ok($took, '<', 2, sprintf 'after %.0f ms', $took * 1000);
    cmp_ok($took, '>', 0.4, 'not at once');
    ok(wait_for(sub { said(woo($next)) =~ /accepted|repeated/ }, 60, 0.2),
        'and the next attempt is good');
    is(told() - $before, 2, 'one order more');
}


sub configuration {
    for my $case (
        ['cartrecover_hook magento secret=x', qr/unknown sender "magento"/],
        ['cartrecover_hook shopify secret=%%DIR%%/open.key', qr/chmod 0600/],
        ['cartrecover_hook shopify secret=%%DIR%%/short.key', qr/16 to 256/],
        ['cartrecover_hook standard tolerance=60s', qr/needs "secret=/],
        ['cartrecover_hook standard secret=%%DIR%%/good.key tolerance=1d',
            qr/1s to 1h/],
        ['cartrecover_hook shopify secret=%%DIR%%/good.key;
          cartrecover_hook shopify secret=%%DIR%%/good.key', qr/duplicate/])
    {
        my ($line, $why) = @$case;
        my $d = tmpdir();
        spew("$d/open.key", 'x' x 20, 0644);
        spew("$d/short.key", 'x' x 15, 0600);
        spew("$d/good.key", 'x' x 20, 0600);

        my ($code, $text) = nginx_test(dir => $d, redis => $redis,
            server => "cartrecover on; cartrecover_shop %%DIR%%/policy.json;
            $line;");
        ok($code, "refused: $line");
        like($text, $why, 'and told why');
    }

    my $d = tmpdir();
    spew("$d/good.key", 'x' x 20, 0600);
    my ($code, $text) = nginx_test(dir => $d, server => "cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_hook shopify secret=%%DIR%%/good.key;");
    like($text, qr/"cartrecover_hook" needs Redis/, 'not without Redis');
}
