#!/usr/bin/perl

# no valgrind: thousands of orders against a clock
#
# Redis is away, the zone is the smallest there is, and more people order than
# it has places for: with a spool no order is lost, whatever is killed.  The
# control is the same without one.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

use constant ORDERS => 3000;

my $key = 'cr:{shop1}:';
my $origin = origin_start(\&shop, log => 0);

my $lost = outage('spool=%%DIR%%/spool');
is($lost, 0, 'with a spool none of ' . ORDERS . ' orders is lost');
$lost = outage('');
cmp_ok($lost, '>', 0, "control: without one $lost are");

$origin->stop;
done_testing();


sub shop {
    my ($req) = @_;
    my ($id) = $req->{body} =~ /id=(\w+)/;

    return { status => 303, headers => ['Cache-Control', 'private, no-store',
        'Location', "/order/$id?total=2990&currency=EUR"] };
}


# How many orders Redis does not know in the end.

sub outage {
    my ($spool) = @_;
    my $redis = redis_start(appendfsync => 'always');
    my $nginx = nginx_start(redis => $redis, workers => 2,
        zone => "zone=shops:2m $spool",
        allow => qr/redis\.sock failed|exited on signal 9/, server => <<END);
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        location = /_cr/status { cartrecover_status json; }
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END
    my $file = $nginx->dir . '/spool';
    my $sessions = http($nginx->port, GET => '/_cr/status')->json->{zone}
        {sessions};
    cmp_ok($sessions, '<', ORDERS / 2, "the zone has $sessions places only");
    ok(wait_for(sub { beat($redis) }, 20), 'the node is known');

    $redis->kill9;
    order($nginx, 1 .. ORDERS / 2);

    if ($spool) {
        ok(wait_for(sub { -s $file && http($nginx->port, GET =>
            '/_cr/status')->json->{zone}{owed_stops} == 0 }, 20),
            'orders go to the file');
        is((stat $file)[2] & 0777, 0600, 'which is nobody else\'s');
        unlike(slurp($file), qr/buyer\d/, 'and names nobody');
    }

    kill 'KILL', $nginx->workers;
    wait_for(sub { eval { http($nginx->port, GET => '/_cr/status')->status
        == 200 } }, 20) or die "nginx does not come back\n";
    order($nginx, ORDERS / 2 + 1 .. ORDERS);

    if ($spool) {
        wait_for(sub { http($nginx->port, GET => '/_cr/status')->json->{zone}
            {owed_stops} == 0 }, 20);
        kill 'KILL', $nginx->workers;
        open my $fh, '>>:raw', $file or die "$file: $!\n";
        print $fh "\x40\0\0\0torn";
        close $fh;
    }

    $redis->start;

    my %seen;
    my ($after, $depth) = ('-', 0);
    wait_for(sub {
        for (@{ $redis->stream($key . 'in', $after) }) {
            $after = "($_->[0]";
            $seen{ json_decode($_->[1]{d})->{id} }++
                if $_->[1]{t} eq 'order';
        }
        my $beat = beat($redis);
        $depth = $beat->{spool} if $beat && $beat->{spool} > $depth;
        return keys %seen == ORDERS;
    }, $spool ? 60 : 15, 0.1);

    if ($spool) {
        cmp_ok($depth, '>', 0, 'the heartbeat says that there is more to come '
            . "($depth)");
        ok(wait_for(sub { -s $file == 0 }, 20), 'the file is empty again');
        ok(wait_for(sub { (beat($redis) || { spool => 1 })->{spool} == 0 }, 30),
            'and the heartbeat says so');
    }

    $nginx->stop;
    $redis->stop;

    return ORDERS - keys %seen;
}


sub beat {
    my ($redis) = @_;
    my ($name) = @{ $redis->cmd('KEYS', $key . 'hb:*') } or return;
    my $text = $redis->cmd('GET', $name);

    return $text ? json_decode($text) : undef;
}


sub order {
    my ($nginx, @ids) = @_;

    http($nginx->port, POST => '/checkout/payment',
        body => "id=o$_&email=buyer$_\@example.org") for @ids;
}
