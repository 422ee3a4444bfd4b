#!/usr/bin/perl

# More shops on one Redis than a connection takes commands at once: each is
# registered, and each heart beats again after Redis was away.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

use constant SHOPS => 700;

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
done_testing();
