#!/usr/bin/perl

# How often and how much anybody may send us: bodies are capped, a session and
# an address have a rate, and the shop's own pages have none.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $origin = origin_start({ '/' => { body => '<html>' } }, log => 0);
my $server = <<END;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
        location = /_cr/status { cartrecover_status json; }
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END
my $limit = 'cartrecover_limit address=1r/s address_burst=20;';
my $nginx = nginx_start(workers => 2, server => "$server $limit",
    servers => <<END);
    server {
        listen 127.0.0.1:%%PORT_usual%%;
        server_name shop.example;
$server
    }
END
my $beacon = '1~-~0~rs~' . '.' x 30 . '~2s.0~';

# Statuses of n beacons, each of a browser of its own, from one address.

sub beacons {
    my ($n, $address, $port) = @_;
    my %got;

    $got{ http($port // $nginx->port, POST => '/_cr/e', body => $beacon,
        headers => ['Content-Type', 'text/plain', 'X-Real-IP', $address])
        ->status }++ for 1 .. $n;

    return \%got;
}


sub counter {
    return http($nginx->port, GET => '/_cr/status')->json->{counters}{ $_[0] };
}


my $got = beacons(100, '192.0.2.1');
cmp_ok($got->{204}, '>=', 21, 'an address may send its burst');
cmp_ok($got->{204}, '<=', 21 + 15, 'over all workers together');
is($got->{204} + $got->{429}, 100, 'what is more is told to come later');
is(counter('address_limited'), $got->{429}, 'and is counted');

is_deeply(beacons(5, '192.0.2.2'), { 204 => 5 }, 'another address is free');
beacons(100, '2001:db8::1');
cmp_ok(beacons(10, '2001:db8::2')->{429} // 0, '>', 0,
    'IPv6: a network of 64 bits is one sender');
is_deeply(beacons(5, '2001:db8:0:1::1'), { 204 => 5 },
    'IPv6: the next one is another');

is(http($nginx->port, POST => '/_cr/c', body => 'email=a@example.org',
    headers => ['X-Real-IP', '192.0.2.1'])->status, 429,
    'contacts count with beacons');
is(http($nginx->port, GET => '/', headers => ['X-Real-IP', '192.0.2.1'])
    ->status, 200, 'the shop itself is never limited');

is_deeply(beacons(200, '192.0.2.1', $nginx->port('usual')), { 204 => 200 },
    'control: the usual limit has room for them');

for my $case (['/_cr/e', 8192], ['/_cr/c', 2048]) {
    my ($uri, $max) = @$case;

    is(http($nginx->port('usual'), POST => $uri, body => 'x' x ($max + 1))
        ->status, 413, "$uri: no more than $max bytes");
}

for my $case (
    ['address=0r/s', 0], ['address=5', 0], ['address_burst=-1', 0],
    ['beacon=2r/s', 1], ['beacon=2r/s burst=0 address=9r/s address_burst=0', 1],
    ['address=2000000r/s', 0], ['rate=1r/s', 0])
{
    my ($text, $good) = @$case;
    my ($code, $said) = nginx_test(server => "cartrecover on;
        cartrecover_shop %%DIR%%/policy.json; cartrecover_limit $text;");
    is($code == 0, $good == 1, "cartrecover_limit $text: "
        . ($good ? 'taken' : 'refused')) or diag($said);
}

$nginx->stop;
$origin->stop;

done_testing();
