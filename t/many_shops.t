#!/usr/bin/perl

# Many shops in one nginx.  More on one Redis than a connection takes commands
# at once: each is registered, and each heart beats again after Redis was away.
# Ten thousand server blocks: read in less than five seconds, at a price a shop
# that is said.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

use constant { SHOPS => 700, HOSTED => 10_000, SECONDS => 5, KB => 32 };

my $redis = redis_start();
my $dir = tmpdir();
my $servers = '';

for my $i (1 .. SHOPS) {
    policy_file("$dir/$i.json", shop => { id => "shop-$i" });
    $servers .= <<END;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name shop-$i.example;
        cartrecover observe;
        cartrecover_shop $dir/$i.json;
        location / { return 204; }
    }
END
}

my $nginx = nginx_start(workers => 2, servers => $servers, redis => $redis);


# Shops of which key says something, by a pattern of their names.

sub known {
    my ($kind) = @_;

    return scalar @{ $redis->cmd('KEYS', "cr:{shop-*}:$kind") };
}


ok(wait_for(sub { known('policy') == SHOPS }, 30), 'each policy is there');
ok(wait_for(sub { known('hb:*') == SHOPS }, 30), 'each heart beats');
is($redis->cmd('SCARD', 'cr:sites'), SHOPS, 'each site is listed');
is(known('nodes'), SHOPS, 'each knows its node');

$redis->cmd('FLUSHALL');
$redis->kill9;
$redis->start;

ok(wait_for(sub { known('policy') == SHOPS && known('hb:*') == SHOPS }, 60),
    'all of it again after Redis was away');

$nginx->stop;
$redis->stop;
hosted();
done_testing();


# Processor seconds of "nginx -t", and the memory of a master in KB, with and
# without our four lines in each server.

sub hosted {
    policy_file("$dir/h$_.json", shop => { id => "hosted-$_" }) for 1 .. HOSTED;

    my ($bare_s, $bare_kb) = price(0);
    my ($s, $kb, $n) = price(1);
    my $each = ($kb - $bare_kb) / HOSTED;

    diag(sprintf '%d shops: nginx -t %.1f s (without us %.1f s), %.1f KB a '
        . 'shop (the server itself %.1f KB)', HOSTED, $s, $bare_s, $each,
        $bare_kb / HOSTED);
    cmp_ok($s, '<', SECONDS, 'the configuration is read in time');
    cmp_ok($each, '<', KB, 'a shop is cheap');

    for my $i (1, HOSTED) {
        my $res = http($n->port, GET => '/_cr/b.js',
            headers => [Host => "hosted-$i.example"]);
        is($res->status, 200, "shop $i answers");
    }

    $n->stop;
}


sub price {
    my ($ours) = @_;
    my $text = join '', map { <<END } 1 .. HOSTED;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name hosted-$_.example;
@{[ $ours ? "        cartrecover on;
        cartrecover_shop $dir/h$_.json;" : '' ]}
        location / { return 204; }
    }
END
    my @o = (servers => $text, http => 'server_names_hash_max_size 40000;',
        $ours ? (zone => 'zone=shops:64m') : (module => 0));
    my @before = times;
    my ($code, $said) = nginx_test(@o);
    my @after = times;
    is($code, 0, ($ours ? 'with' : 'without') . ' us: ' . HOSTED
        . ' server blocks are fine') or diag(substr $said, 0, 500);

    my $n = nginx_start(@o);
    my ($kb) = slurp('/proc/' . $n->pid . '/status') =~ /^RssAnon:\s+(\d+)/m;
    $n->stop unless $ours;

    return ($after[2] + $after[3] - $before[2] - $before[3], $kb, $n);
}
