#!/usr/bin/perl

# The zone's dump: sessions, carts and what Redis has not got yet survive the
# end of nginx, by QUIT and by KILL; without dump= they do not.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $dir = tmpdir();
my $origin = origin_start(sub {
    return { status => 200, headers => ['Content-Type', 'application/json',
                                        'Cache-Control', 'no-store'],
             body => '{"ok":true,"cart":{"id":"c1","currency":"EUR",'
                     . '"total":29.9,"items":[{"sku":"MUG-BLU","qty":2,'
                     . '"price":14.95,"name":"Blue mug"}]}}' };
}, log => 0);

my $server = <<END;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_debug on;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
        location = /_cr/status { cartrecover_status json; }
END


# Redis is away from the beginning: everything is owed.

sub life {
    my ($zone, $signal, $wait) = @_;

    my $redis = redis_start();
    $redis->kill9;

    my $nginx = nginx_start(workers => 2, server => $server, zone => $zone,
        redis => $redis);
    my $res = http($nginx->port, POST => '/cart/add',
        body => 'sku=MUG-BLU&qty=2',
        headers => [Accept => 'application/json']);
    my $sid = $res->cookie('cr_sid');

    ok($sid, "$signal: a shopper with a cart");
    ok(wait_for($wait, 20), "$signal: the dump is written") if $wait;
    $nginx->stop(signal => $signal);

    $redis->start;
    $nginx->start;

    # The first worker reads the dump; another may answer before it has.
    my $session;
    wait_for(sub {
        $session = http($nginx->port, GET => '/_cr/session',
            headers => [Cookie => "cr_sid=$sid"])->json;
        return $session->{stage} ne 'none';
    }, $zone =~ /dump=/ ? 10 : 0.5);

    return ($nginx, $redis, $session);
}


my $file = "$dir/shops.dump";
my ($nginx, $redis, $session)
    = life("zone=shops:8m dump=$file interval=1s", 'QUIT');

is($session->{stage}, 'cart', 'after QUIT the session is there');
is($session->{cart}{total}, 2990, 'with its cart');
is($session->{cart}{items}[0]{r}, 'MUG-BLU', 'and its lines');

my @carts;
ok(wait_for(sub {
    @carts = grep { $_->{t} eq 'cart' }
        map { $_->[1] } @{ $redis->stream('cr:{shop1}:in') };
}, 20), 'the cart that Redis had not got is handed over');
is(json_decode($carts[0]{d})->{total}, 2990, 'as it was');
$nginx->stop;
$redis->stop;

unlink $file;
($nginx, $redis, $session)
    = life("zone=shops:8m dump=$file interval=1s", 'KILL',
           sub { my $before = -s $file; $before && $before > 100 });
is($session->{stage}, 'cart', 'after KILL the last dump is read');
$nginx->stop;
$redis->stop;

# The control: without dump= the same shopper is a stranger.

($nginx, $redis, $session) = life('zone=shops:8m', 'QUIT');
is($session->{stage}, 'none', 'without dump= nothing survives a restart');
$nginx->stop;
$redis->stop;

# A file that is no dump costs a line in the log, nothing else.

spew($file, 'this is no dump' x 1000);
$nginx = nginx_start(server => $server, zone => "zone=shops:8m dump=$file");
is(http($nginx->port, GET => '/_cr/status')->status, 200,
    'a damaged dump keeps nobody from starting');
ok($nginx->log_lines(qr/is damaged/), 'and is told');
$nginx->stop;

$origin->stop;
done_testing();
