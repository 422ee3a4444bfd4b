#!/usr/bin/perl

# Mistakes of an operator: nginx -t fails, with exactly one line that says what
# is wrong, where, and what to do.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $server = <<'END';
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        location / { return 204; }
END

my ($code, $said) = nginx_test(server => $server);
is($code, 0, 'a right configuration passes') or diag($said);
unlike($said, qr/\[(?:emerg|alert|crit|error|warn)\]/, 'without a word of it');

# Not one of these lines may talk about anything else.

wrong('a policy that is no JSON', qr{policy.*broken\.json:2: },
    shop('broken.json'), files => { 'broken.json' => "{\n  nonsense\n}\n" });

wrong('a policy with an unknown key',
    qr{policy.*typo\.json:3: \$\.shop\.\w+: .*locales},
    shop('typo.json'), files => { 'typo.json' => <<'END' });
{
  "shop": {"id": "a", "name": "A", "url": "https://a.example",
           "locals": ["en"], "currency": "EUR"}
}
END

wrong('a policy without currency', qr{policy.*none\.json.*\$\.shop\.currency},
    shop('none.json'), files => { 'none.json' =>
        '{"shop":{"id":"a","name":"A","url":"https://a.example"}}' });

wrong('a policy file that is not there', qr{absent\.json" failed},
    shop('absent.json'));

wrong('two policies with one shop id', qr{shop\.id "shop1" is taken by},
    $server, servers => <<'END', files => { 'again.json' => twin() });
    server {
        listen 127.0.0.1:%%PORT_b%%;
        cartrecover on;
        cartrecover_shop %%DIR%%/again.json;
        cartrecover_profile demo;
    }
END

wrong('no policy', qr{cartrecover_shop}, <<'END');
        cartrecover on;
        cartrecover_profile demo;
END

wrong('a zone that is too small', qr{zone "shops" is too small.*\b2m\b},
    $server, zone => 'zone=shops:512k');

wrong('a zone without size', qr{cartrecover_zone.*zone=NAME:SIZE}, $server,
    zone => 'zone=shops');

wrong('no zone', qr{cartrecover_zone}, $server, zone => '');

wrong('no secret', qr{cartrecover_secret}, $server, secret => '');

for my $mode (0644, 0640, 0604) {
    my $dir = tmpdir();
    secret_file("$dir/open", $mode);
    wrong(sprintf('a secret of mode %04o', $mode),
        qr{secret.*has mode @{[sprintf '%04o', $mode]}.*chmod 0600}, $server,
        secret => '', http => "cartrecover_secret $dir/open;");
}

my $short = spew(tmpdir() . '/short', "too short\n", 0600);
wrong('a secret that is too short', qr{short.*less than 32.*openssl rand},
    $server, secret => '', http => "cartrecover_secret $short;");

wrong('a secret file that is not there', qr{nowhere" failed}, $server,
    secret => '', http => 'cartrecover_secret %%DIR%%/nowhere;');

wrong('an unknown profile', qr{profile.*"shopifi"}, with('profile', 'shopifi'));

wrong('a profile file that is wrong', qr{profile.*bad\.json.*},
    with('profile', '%%DIR%%/bad.json'), files => { 'bad.json' => '{"x":1}' });

wrong('an unknown mode', qr{"maybe" in "cartrecover".*on.*observe.*off},
    "cartrecover maybe;");

wrong('an unknown event', qr{unknown event "buy" in "cartrecover_match"},
    $server . 'cartrecover_match buy "^GET /x";');

wrong('a pattern that does not compile', qr{cartrecover_match|regex|pattern},
    $server . 'cartrecover_match add "^POST /(x";');

wrong('an unknown consent', qr{cartrecover_consent}, $server
    . 'cartrecover_consent perhaps;');

wrong('an unknown injection', qr{cartrecover_inject|invalid value "half"},
    $server . 'cartrecover_inject half;');

wrong('an unknown place', qr{"cartrecover_inject" directive takes place=},
    $server . 'cartrecover_inject beacon place=foot;');

wrong('a prefix that is no path', qr{cartrecover_prefix},
    $server . 'cartrecover_prefix cr;');

wrong('an unknown format of the status', qr{cartrecover_status}, $server
    . 'location = /s { cartrecover_status yaml; }');

wrong('a Redis that is no address', qr{cartrecover_redis}, $server,
    http => 'cartrecover_redis host:port:more;');

wrong('an unknown parameter of Redis', qr{"colour=red".*cartrecover_redis},
    $server, http => 'cartrecover_redis 127.0.0.1:6379 colour=red;');

wrong('two zones', qr{cartrecover_zone.*duplicate}, $server,
    http => 'cartrecover_zone zone=more:8m;');

wrong('a mode twice', qr{cartrecover.*duplicate},
    $server . 'cartrecover observe;');


# Off needs nothing.

($code, $said) = nginx_test(zone => '', secret => '',
    server => 'cartrecover off;');
is($code, 0, 'a server that is off needs no zone, secret or policy')
    or diag($said);

# nginx -t beside a running instance: no file written, no zone touched.

my $dir = tmpdir();
my $redis = redis_start();
my $nginx = nginx_start(dir => $dir, redis => $redis, server => $server,
    zone => "zone=shops:8m dump=$dir/shops.dump");
my ($again, $out) = run_command(need_program('nginx'), '-t', '-c',
    "$dir/nginx.conf", '-p', $dir, '-e', 'stderr');

is($again, 0, 'nginx -t beside a running nginx') or diag($out);
ok(!-e "$dir/shops.dump", 'writes no dump');
is(http($nginx->port, GET => '/')->status, 204, 'which goes on');
$nginx->stop;
$redis->stop;

done_testing();


sub shop {
    my ($file) = @_;

    return $server =~ s/policy\.json/$file/r;
}


sub with {
    my ($what, $value) = @_;

    return $server =~ s/(cartrecover_$what) [^;]+;/$1 $value;/r;
}


sub twin { return slurp(policy_file(tmpdir() . '/policy.json')) }


sub wrong {
    my ($what, $regex, $text, %o) = @_;

    my ($status, $output) = nginx_test(server => $text, %o);
    my @lines = grep { /\[(?:emerg|alert|crit|error|warn)\]/ }
        split /\n/, $output;

    isnt($status, 0, "$what: nginx -t fails");
    is(scalar @lines, 1, "$what: in one line") or diag($output);
    like($lines[0] // '', $regex, "$what: that says so");
    like($lines[0] // '', qr{ in /\S+:\d+$}, "$what: and where");
}
