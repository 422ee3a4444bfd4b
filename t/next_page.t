#!/usr/bin/perl

# A cart change that is answered by a redirect (or by JSON) is known to the
# very next page, however early the browser asks for it.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $origin = origin_start(\&shop, log => 0);
my $shop = <<END;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        add_header X-Stage \$cartrecover_stage always;
        add_header X-Value \$cartrecover_value always;
        add_header X-Sid \$cartrecover_sid always;
        proxy_http_version 1.1;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END
my $nginx = nginx_start(workers => 2, server => $shop, servers => <<END);
    server {
        listen 127.0.0.1:%%PORT_unbuffered%%;
        server_name shop.example;
        proxy_buffering off;
$shop
    }
END
my $port = $nginx->port;

my $stranger = http($port, GET => '/cart');
is($stranger->header('X-Value') // '', '', 'a stranger has no cart');
is($stranger->header('X-Stage'), 'none', 'and has come nowhere');

# A redirect carries no amount: the next page knows the stage, and the amount
# once the shop has said it.

for my $round (1 .. 20) {
    my $jar = {};
    my $res = shopper($jar, POST => '/cart/add', 'sku=MUG-BLU&qty=2');

    is($res->status, 302, "round $round: the shop redirects") if $round == 1;
    ok($jar->{cr_sid}, "round $round: the redirect brings the session");

    my $page = shopper($jar, GET => '/cart');
    is($page->header('X-Stage'), 'cart', "round $round: the page behind the "
        . 'redirect knows the cart');
}

# By JSON: stage and amount are there at once, even while the client has not
# read the answer to its end.

for my $size ([200], [64], [1]) {
    my ($step) = @$size;
    my $jar = {};

    my $c = http_client($port, read_size => $step);
    $c->send_request(POST => '/cart/add', body => 'sku=MUG-BLU&qty=2',
        headers => [Accept => 'application/json']);
    my $res = $c->response('POST');
    keep($jar, $res);

    is($res->json->{cart}{total}, 29.9, "read by $step: the answer is whole");

    my $page = shopper($jar, GET => '/p/lamp');
    is($page->header('X-Stage'), 'cart', "read by $step: the next page knows "
        . 'the cart');
    is($page->header('X-Value'), 2990, "read by $step: and what it is worth");
}

# The slowest client: it has the header of the redirect, byte by byte, and asks
# for the next page before it has closed or read the rest.

my %jar;
my $slow = http_client($nginx->port('unbuffered'), read_size => 1,
    read_delay => 0.001);

$slow->send_request(POST => '/cart/add',
    body => 'sku=MUG-BLU&qty=3', headers => ['Connection', 'close']);
ok(wait_for(sub { $slow->fill; $slow->{in} =~ /\r\n\r\n/ }, 30),
    'a slow client has the header of the redirect');
$jar{$1} = $2 while $slow->{in} =~ /^Set-Cookie: (\w+)=([^;\r]*)/mg;

my $page = shopper(\%jar, GET => '/cart');
is($page->header('X-Stage'), 'cart', 'the next page knows the cart before '
    . 'the redirect is read to its end');

# A long JSON answer whose end is held by a client that reads nothing more: the
# commit does not wait for the log phase.

my %jar2;
my $stuck = http_client($port, read_size => 1);

$stuck->send_request(POST => '/cart/add', body => 'sku=LONG&qty=1',
    headers => [Accept => 'application/json']);
ok(wait_for(sub { $stuck->fill; $stuck->{in} =~ /\r\n\r\n/ }, 30),
    'a client that reads the header only');
$jar2{$1} = $2 while $stuck->{in} =~ /^Set-Cookie: (\w+)=([^;\r]*)/mg;
ok(wait_for(sub {
    ($page = shopper(\%jar2, GET => '/p/lamp'))->header('X-Value') || 0;
}, 10), 'the cart of a half-read answer is known');
is($page->header('X-Value'), 1495, 'with its amount');
$stuck->hang_up;

# Two shoppers do not see each other.

my ($one, $two) = ({}, {});

shopper($one, POST => '/cart/add', 'sku=MUG-BLU&qty=1', 1);
shopper($two, POST => '/cart/add', 'sku=MUG-BLU&qty=4', 1);
is(shopper($one, GET => '/cart')->header('X-Value'), 1495, 'one shopper');
is(shopper($two, GET => '/cart')->header('X-Value'), 5980, 'another shopper');
isnt(shopper($one, GET => '/cart')->header('X-Sid'),
    shopper($two, GET => '/cart')->header('X-Sid'), 'two sessions');

my $forged = { %$one, cr_sid => 'A' . substr $one->{cr_sid}, 1 };
delete $forged->{shop_sid};
is(shopper($forged, GET => '/p/lamp')->header('X-Value') // '', '',
    'a forged cookie is nobody');

# A public page never carries a cookie, whoever asks for it.

my $public = http($port, GET => '/p/lamp');
is($public->cookie('cr_sid'), undef, 'no cookie on a cacheable page');

$nginx->stop;
$origin->stop;

done_testing();


sub shop {
    my ($req) = @_;
    my %form = map { split /=/, $_, 2 } split /&/, $req->{body};
    my $json = ($req->{h}{accept} // '') =~ /json/;
    my @private = ('Cache-Control', 'private, no-store');

    if ($req->{path} =~ m{/cart/add$}) {
        push @private, 'Set-Cookie', 'shop_sid=s' . $req->{n} . '; Path=/'
            unless ($req->{h}{cookie} // '') =~ /shop_sid=/;

        return { status => 302, headers => [@private, 'Location', '/cart'],
            body => '<html><head></head>moved</html>' } if !$json;

        my $n = $form{qty};
        return { status => 200, headers => [@private, 'Content-Type',
            'application/json'], body => json_encode({ ok => JSON::PP::true,
            cart => { id => "c$req->{n}", currency => 'EUR',
                total => 14.95 * $n, subtotal => 14.95 * $n,
                shipping => undef, count => $n + 0, items => [{
                    sku => $form{sku}, name => 'Blue mug', qty => $n + 0,
                    price => 14.95, options => '' }] },
            note => 'x' x ($form{sku} eq 'LONG' ? 4_000_000 : 10) }) };
    }

    my $head = $req->{path} =~ m{^/p/}
        ? ['Cache-Control', 'public, max-age=60'] : \@private;

    return { status => 200, headers => [@$head],
        body => '<!doctype html><html><head></head><body>'
            . ('A page. ' x 20) . '</body></html>' };
}


sub keep {
    my ($jar, $res) = @_;

    for ($res->headers('Set-Cookie')) {
        $jar->{$1} = $2 if /^(\w+)=([^;]*)/;
    }
}


sub shopper {
    my ($jar, $method, $path, $body, $json) = @_;

    my $cookies = join '; ', map { "$_=$jar->{$_}" } sort keys %$jar;
    my $res = http($port, $method => $path, headers => [
        ($cookies ? (Cookie => $cookies) : ()),
        ($json ? (Accept => 'application/json') : ())],
        defined $body ? (body => $body) : ());

    keep($jar, $res);

    return $res;
}
