#!/usr/bin/perl

# Everything under the prefix, beside locations that would take it away.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;
use CRPage;
use CRToken;

my $origin = origin_start(sub {
    return { headers => ['Content-Type', 'text/html', 'X-Shop', 1],
        body => '<!doctype html><html><head></head><body>' . 'A page. ' x 20 };
});
my $redis = redis_start();
my $takers = <<END;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
        location ~ \\.js\$ { return 418; }
        location ~ /\\. { deny all; }
        location ~* _cr { return 418; }
END
my $nginx = nginx_start(redis => $redis, allow => qr/redis\.sock failed/,
    server => <<END, servers => <<END2);
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_debug on;
$takers
        location = /_cr/status { cartrecover_status json; }
        location = /metrics { cartrecover_status prometheus; }
        location = /denied { cartrecover_status json; deny all; }
END
    server {
        listen 127.0.0.1:%%PORT_plain%%;
        server_name shop.example;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent \$arg_tier;
        cartrecover_limit beacon=1r/s burst=5;
        cartrecover_prefix /shop-help/;
$takers
    }
    server {
        listen 127.0.0.1:%%PORT_observe%%;
        server_name shop.example;
        cartrecover observe;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
$takers
    }
    server {
        listen 127.0.0.1:%%PORT_off%%;
        server_name shop.example;
$takers
    }
END2
my $port = $nginx->port;
my $secret = slurp($nginx->dir . '/secret');
my $beacon = '1~-~0~rs~' . '.' x 30 . '~2s.0~';
my $key = 'cr:{shop1}:';

scripts();
strangers();
status();
beacons();
data_layer();
contact();
unsubscribe();
restore();
panel();
other_servers();
without_redis();

$nginx->stop;
$origin->stop;

done_testing();


sub post {
    my ($path, $body, %o) = @_;

    return http($o{port} // $port, POST => $path, body => $body, headers => [
        'Content-Type' => 'text/plain', @{ $o{headers} || [] },
        $o{sid} ? (Cookie => "cr_sid=$o{sid}") : ()]);
}


sub form {
    my ($path, $body, %o) = @_;

    return http($o{port} // $port, POST => $path, body => $body, headers => [
        @{ $o{headers} || [] }, $o{sid} ? (Cookie => "cr_sid=$o{sid}") : ()]);
}


sub entries {
    my ($kind) = @_;
    my %once;

    return map { json_decode($_->[1]{d}) }
        grep { $_->[1]{t} eq $kind && !$once{ $_->[1]{e} }++ }
        @{ $redis->stream($key . 'in') };
}


sub scripts {
    my ($src) = http($port, GET => '/')->body =~ m{src="(/_cr/b\.js\?v=\w+)"};
    ok($src, 'a page names the script') or return;

    for my $path ($src, '/_cr/g.js', '/_cr/r.js') {
        my $res = http($port, GET => $path);
        is($res->status, 200, "$path is ours");
        like($res->header('Content-Type'), qr{^(?:text|application)/javascript},
            "$path: its type");
        my $small = http($port, GET => $path,
            headers => ['Accept-Encoding', 'gzip']);
        is($small->header('Content-Encoding'), 'gzip', "$path: compressed");
        is($small->gunzip, $res->body, "$path: the same script");
        like($small->header('Vary'), qr/Accept-Encoding/, "$path: Vary");
        my $head = http($port, HEAD => $path);
        is($head->header('Content-Length'), length $res->body, "$path: HEAD");
        unlike($res->body, $TAG, "$path: no tag in it");
    }

    like(http($port, GET => $src)->header('Cache-Control'), qr/immutable/,
        'the current hash may be kept for ever');

    for my $old ('/_cr/b.js?v=00000000', '/_cr/b.js') {
        my $res = http($port, GET => $old);
        is($res->status, 200, "$old: never 404");
        unlike($res->header('Cache-Control'), qr/immutable/,
            "$old: short-lived");
    }

    is(post('/_cr/b.js', 'x')->status, 405, 'a script takes no POST');
}


sub strangers {
    for my $path (qw(/_cr/ /_cr/x /_cr/e/x /_cr/rx /_cr/sw.jsx /_cr/r/ /_cr/u/
                     /_cr/u/%2e%2e /_cr/r/AAAA))
    {
        is(http($port, GET => $path)->status, 404, "$path: 404");
    }

    is(http($port, GET => '/x.js')->status, 418, 'the shop keeps its own .js');
    is(http($port, GET => '/.git/config')->status, 403, 'and its dot files');
    is(http($port, GET => '/x')->header('X-Shop'), 1, 'and its pages');

    my @seen = grep { $_->{path} =~ m{^/_cr/} } $origin->requests;
    is(scalar @seen, 0, 'nothing under the prefix reaches the shop');
}


sub status {
    my $res = http($port, GET => '/_cr/status');
    is($res->status, 200, 'the status answers where the operator put it');

    my $json = $res->json;
    cmp_ok($json->{counters}{requests}, '>', 0, 'JSON: requests');
    cmp_ok($json->{zone}{sessions}, '>', 1000, 'JSON: the zone');
    is(ref $json->{skip}, 'HASH', 'JSON: skips by word');

    my $text = http($port, GET => '/metrics')->body;
    my @bad = grep { !/^(?:\#\ (?:TYPE|HELP)\ \w+\ .+
        |\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})?\ -?[\d.]+(?:e[+-]?\d+)?)$/x }
        split /\n/, $text;
    ok(!@bad, 'Prometheus: each line is well-formed') or diag(@bad);
    like($text, qr/^cartrecover_requests_total \d+$/m, 'Prometheus: a counter');
    like($text, qr/^cartrecover_event_total\{event="add"\} \d+$/m,
        'Prometheus: events by word');

    is(http($port, GET => '/denied')->status, 403, 'access rules apply');
    is(http($nginx->port('observe'), GET => '/_cr/status')->status, 404,
        'no status where none is configured');
    is(post('/metrics', '')->status, 405, 'it takes no POST');
}


sub beacons {
    my $res = post('/_cr/e', $beacon);
    is($res->status, 204, 'a beacon is taken');
    is($res->body, '', 'with nothing to say');
    like($res->header('Cache-Control'), qr/private.*no-store/, 'and kept by '
        . 'no cache');

    my ($cookie) = grep { /^cr_sid=/ } $res->headers('Set-Cookie');
    like($cookie, qr/^cr_sid=[\w-]{43};/, 'it opens a session');
    like($cookie, qr/; HttpOnly/, 'HttpOnly');
    like($cookie, qr/; SameSite=Lax/, 'SameSite=Lax');
    like($cookie, qr{; Path=/(?:;|$)}, 'for the whole shop');

    my $sid = $res->cookie('cr_sid');
    my $again = post('/_cr/e', $beacon, sid => $sid);
    is($again->status, 204, 'the next one of it');
    is($again->cookie('cr_sid'), undef, 'needs no cookie');
    ok(post('/_cr/e', $beacon, sid => 'A' x 43)->cookie('cr_sid'),
        'a forged cookie is replaced');

    is(http($port, GET => '/_cr/e')->status, 405, 'GET e');

    for my $bad ('', 'x', '1~', '3~-~0~rs~~0.0~', "$beacon\0", '{}',
                 $beacon =~ s/rs/RS/r, 'a=b')
    {
        is(post('/_cr/e', $bad)->status, 400, 'refused: '
            . ($bad =~ s/\0/\\0/r));
    }

    is(post('/_cr/e', $beacon . 'A1' x 600)->status, 413, 'too long for '
        . 'format 1');
    is(post('/_cr/e', 'x' x 9000)->status, 413, 'too long for all');

    for my $foreign (['Sec-Fetch-Site', 'cross-site'],
                     ['Sec-Fetch-Site', 'same-site'],
                     ['Origin', 'https://evil.example'],
                     ['Origin', 'https://notshop.example'], ['Origin', 'null'])
    {
        is(post('/_cr/e', $beacon, headers => $foreign)->status, 403,
            "refused: @$foreign");
    }

    for my $own (['Sec-Fetch-Site', 'same-origin'],
                 ['Origin', 'https://shop.example'])
    {
        is(post('/_cr/e', $beacon, headers => $own)->status, 204,
            "taken: @$own");
    }
}


# Lines of a page's dataLayer: they make a cart to show, never an order.

sub data_layer {
    my $res = post('/_cr/e', '2~0~rs~add~EUR~~~MUG-BLU!2!15j!Blue%20mug');
    is($res->status, 204, 'a dataLayer event is taken');

    my $sid = $res->cookie('cr_sid');
    my $me = session($sid);
    is($me->{stage}, 'cart', 'it moves the session');
    is($me->{cart}{items}[0]{r}, 'MUG-BLU', 'and makes a line');
    is($me->{cart}{items}[0]{q}, 2, 'of two');
    is($me->{cart}{total}, undef, 'but no amount that is true');

    ok(wait_for(sub { entries('cart') }, 10), 'the cart goes to Redis');

    is(post('/_cr/e', '2~1~rs~order~EUR~15j~4711', sid => $sid)->status, 204,
        'a page that says "order"');
    is(post('/_cr/e', '2~2~rs~pay!~EUR~~', sid => $sid)->status, 400,
        'an unknown event');

    my ($fresh) = post('/_cr/e', '2~0~rs~add~EUR~~~LAMP!1!1!x')
        ->cookie('cr_sid');
    my $carts = () = entries('cart');
    ok(wait_for(sub { entries('cart') >= 2 }, 10), 'a later cart arrives');
    is(scalar entries('order'), 0, 'makes none');
}


sub session {
    my ($sid) = @_;

    return http($port, GET => '/_cr/session',
        headers => [Cookie => "cr_sid=$sid"])->json;
}


sub contact {
    my $sid = post('/_cr/e', $beacon)->cookie('cr_sid');
    my $res = form('/_cr/c', 'email=Ann%40Example.com&consent_email=1',
        sid => $sid);

    like($res->status, qr/^(?:204|303)$/, 'an address is taken');
    ok(wait_for(sub { entries('contact') }, 10), 'and goes to Redis');

    my ($got) = entries('contact');
    like($got->{emh}, qr/^[0-9a-f]{32}$/, 'with its look-up');
    like($got->{em}, qr/^[\w-]{40,}$/, 'sealed');
    is($got->{cons}{email}, 1, 'and its consent');
    is(scalar(grep { json_encode($_->[1]) =~ /ann|example\.com/i }
        @{ $redis->stream($key . 'in') }), 0, 'readable nowhere');

    my $other = form('/_cr/c', 'email=ANN%40example.COM', sid =>
        post('/_cr/e', $beacon)->cookie('cr_sid'));
    ok(wait_for(sub { entries('contact') >= 2 }, 10), 'another shopper');
    my (undef, $second) = entries('contact');
    is($second->{emh}, $got->{emh}, 'who types the same address in capitals');
    isnt($second->{cons}{email}, 1, 'without a tick has not consented');

    for my $bad ('email=', 'email=nobody', 'phone=1', '', 'email=a%40b%00c')
    {
        is(form('/_cr/c', $bad, sid => $sid)->status, 400, "refused: $bad");
    }

    is(form('/_cr/c', 'email=a%40example.com', headers =>
        ['Sec-Fetch-Site', 'cross-site'])->status, 403, 'refused: cross-site');
    is(http($port, GET => '/_cr/c?email=a%40example.com')->status, 405,
        'GET c');
}


sub unsubscribe {
    my $look = '00112233445566778899aabbccddeeff';
    my $path = '/_cr/u/' . link_token($secret, 'unsub', 'shop1', $look);
    my $res = http($port, GET => $path);

    is($res->status, 200, 'GET u asks');
    like($res->body, qr/<form[^>]*method="?post/i, 'with a form');
    private_page($res, 'u');
    is(http($port, HEAD => $path)->status, 200, 'a HEAD of a mail scanner');
    is_deeply($redis->hash($key . 'sup'), {}, 'and does nothing');

    $res = form($path, 'List-Unsubscribe=One-Click');
    is($res->status, 200, 'POST u unsubscribes');

    my $sup = $redis->hash($key . 'sup');
    like($sup->{"email:$look"} // '', qr/^unsub \d+$/, 'Redis has it by then');
    is(form($path, '')->status, 200, 'once more does no harm');

    my $end = time;
    is(http($port, GET => '/_cr/u/' . link_token($secret, 'unsub', 'shop1',
        $look, $end - 5))->status, 410, 'a link that has ended');
    dead('unsub', 'another shop\'s link', link_token($secret, 'unsub', 'shop2',
        $look));
    dead('unsub', 'a restore link', link_token($secret, 'restore', 'shop1',
        $look));
    dead('unsub', 'another secret', link_token('x' x 40, 'unsub', 'shop1',
        $look));
    dead('unsub', 'a cut link', substr $path, 7, 51);
}


sub dead {
    my ($what, $name, $token) = @_;
    my $path = $what eq 'unsub' ? '/_cr/u/' : '/_cr/r/';
    my $before = $redis->cmd('HLEN', $key . 'sup');

    is(http($port, GET => $path . $token)->status, 404, "$name: GET");
    is(form($path . $token, '')->status, 404, "$name: POST");
    is($redis->cmd('HLEN', $key . 'sup'), $before, "$name: nothing happens");
}


sub private_page {
    my ($res, $what) = @_;

    like($res->header('Cache-Control'), qr/no-store/, "$what: in no cache");
    is($res->header('Referrer-Policy'), 'no-referrer', "$what: no referrer");
    like($res->header('X-Robots-Tag') // '', qr/noindex/, "$what: no robots");
    unlike($res->body, $TAG, "$what: no tag");
    my @inline = grep { !/src=/ && !m{type="application/json"} }
        $res->body =~ /(<script[^>]*>)/g;
    is(scalar @inline, 0, "$what: no inline script");
    unlike($res->body, qr/<style|\sstyle=|\son\w+=/i, "$what: no inline style");
}


sub restore {
    my $jid = 'aabbccddeeff00112233445566778899';
    my $path = '/_cr/r/' . link_token($secret, 'restore', 'shop1', $jid);
    my %cart = (ver => 3, cur => 'EUR', total => 2990, n => 2, items => [
        { r => 'MUG-BLU', q => 2, p => 1495, name => 'Blue </script> mug' }]);

    is(http($port, GET => $path)->status, 410, 'a journey that is gone');

    $redis->cmd('HSET', "${key}j:$jid", 'st', 'run', 'cart',
        json_encode(\%cart), 'loc', 'en');

    my $res = http($port, GET => $path);
    is($res->status, 200, 'GET r shows the cart');
    private_page($res, 'r');
    like($res->body, qr{src="/_cr/r\.js}, 'r: its script');

    my ($json) = $res->body =~ m{<script[^>]*id="?cr-cart[^>]*>(.*?)</script>}s;
    ok($json, 'r: the cart for it') or diag($res->body);
    like($json // '', qr/MUG-BLU/, 'r: with its lines');
    my $parsed = eval { json_decode($json) };
    is(ref $parsed, 'HASH', 'r: as JSON, whatever the names are');

    my $before = () = entries('step');
    is(http($port, HEAD => $path)->status, 200, 'r: HEAD');
    is(scalar(my @now = entries('step')), $before, 'r: GET changes nothing');

    is(form($path, '', headers => ['Sec-Fetch-Site', 'cross-site'])->status,
        403, 'r: POST from another site');
    $res = form($path, '');
    is($res->status, 204, 'r: POST says that the cart is back');
    ok($res->cookie('cr_sid'), 'r: and opens a session');
    ok(wait_for(sub { grep { ($_->{ev} // '') eq 'restored' } entries('step') },
        10), 'r: which Redis learns');
    is((grep { ($_->{ev} // '') eq 'restored' } entries('step'))[0]{j}, $jid,
        'r: with the journey');
    dead('restore', 'an unsubscribe link', link_token($secret, 'unsub',
        'shop1', $jid));
}


sub panel {
    my $sid = post('/_cr/e', $beacon)->cookie('cr_sid');
    my $me = session($sid);

    is($me->{tier}, 't3', 'session: the tier');
    is($me->{skip}, 'none', 'session: the skip');

    is(form('/_cr/session', 'arm=holdout', sid => $sid)->status, 204,
        'session: an arm is pinned');
    is(session($sid)->{arm}, 'holdout', 'session: and held');
    my $new = form('/_cr/session', 'new=1', sid => $sid);
    is($new->cookie('cr_sid'), '', 'session: a browser is forgotten');
    is(http($nginx->port('observe'), GET => '/_cr/session')->status, 404,
        'session: only for debugging');
}


sub other_servers {
    my $plain = $nginx->port('plain');
    my $e = '/shop-help/e?tier=';

    like(http($plain, GET => '/?tier=t2')->body,
        qr{src="/shop-help/b\.js\?v=\w+"}, 'another prefix is in the tag');
    is(post("${e}t2", $beacon, port => $plain)->status, 204, 'and answers');
    is(http($plain, GET => '/_cr/e')->status, 418, 'the usual one is the '
        . 'shop\'s there');

    my $res = post("${e}t1", $beacon, port => $plain);
    is($res->status, 204, 'a beacon without consent');
    is($res->cookie('cr_sid'), undef, 'opens no session');

    my $sid = post("${e}t2", $beacon, port => $plain)->cookie('cr_sid');
    my @codes = map { post("${e}t2", $beacon, port => $plain, sid => $sid)
        ->status } 1 .. 12;
    is($codes[0], 204, 'the first beacons of a session pass');
    cmp_ok(scalar(grep { $_ == 429 } @codes), '>=', 4,
        "more than the burst do not (@codes)");
    is(post("${e}t2", $beacon, port => $plain)->status, 204,
        'another session is not limited by it');

    my $observe = $nginx->port('observe');
    unlike(http($observe, GET => '/')->body, $TAG, 'observe: no tag');
    $res = post('/_cr/e', $beacon, port => $observe);
    is($res->cookie('cr_sid'), undef, 'observe: no cookie');

    my $off = $nginx->port('off');
    is(http($off, GET => '/_cr/e')->status, 418, 'off: no endpoint');
}


sub without_redis {
    my $look = '00112233445566778899aabbccddeeee';
    my $u = '/_cr/u/' . link_token($secret, 'unsub', 'shop1', $look);
    my $r = '/_cr/r/' . link_token($secret, 'restore', 'shop1', $look);

    $redis->stop;

    is(http($port, GET => '/')->status, 200, 'no Redis: pages come');
    is(post('/_cr/e', $beacon)->status, 204, 'no Redis: beacons are taken');
    is(http($port, GET => $u)->status, 200, 'no Redis: GET u asks');
    is(form($u, '')->status, 503, 'no Redis: POST u says so');
    is(http($port, GET => $r)->status, 503, 'no Redis: GET r says so');
}
