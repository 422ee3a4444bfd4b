#!/usr/bin/perl

# check: alone
#
# The worker among failures: each way in which an SMTP server can fail, kills
# at labelled points and at random, Redis killed, frozen, older than the
# journal; and the naive worker, which must show what all this is against.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;
use CRFaults;

need_program('python3');
need_program('redis-server');
kill_worker();

my $long = $ENV{CR_LONG} ? 4 : 1;

faults_tap('table.py');
faults_tap('scenes.py', qw(race gate settle restart lost backup missing
    together frozen));

for my $run (
    [ 'kills of the worker', '--touches', 2100 * $long, '--kills',
      500 * $long, '--seconds', 300 * $long ],
    [ 'kills of the worker and of Redis', '--touches', 450 * $long,
      '--kills', 80 * $long, '--redis-kills', 20 * $long,
      '--seconds', 120 * $long ],
) {
    my ($name, @args) = @$run;
    my ($status, $r) = faults_json('kill.py', @args);

    is($status, 0, "$name: as it must be");
    is_deeply($r->{problems}, [], "$name: no problem");
    cmp_ok($r->{touches} // 0, '>=', $args[1], "$name: touches");
    cmp_ok($r->{kills} // 0, '>=', $args[3], "$name: kills");
    is($r->{extra_copies}, 0, "$name: 0 extra copies");
    is($r->{stuck}, 0, "$name: nothing stuck");
    cmp_ok($r->{sent} // 0, '>', ($r->{touches} // 1) * 0.7,
        "$name: most are sent");
    note(json_encode($r));
    diag(sprintf '%s: %d touches, %d kills (%d labelled, %d of Redis), '
        . '%d sent, %d unknown (%d delivered), %d extra, %.0f s', $name,
        map { $_ // -1 } @$r{qw(touches kills kills_labelled redis_kills sent
        unknown unknown_delivered extra_copies seconds)});
}

my ($status, $r) = faults_json('kill.py', '--naive', '--touches', 300,
    '--seconds', 200);
is($status, 0, 'control: the naive worker delivers all');
cmp_ok($r->{extra_copies} // 0, '>', 0,
    'control: and the harness sees its duplicates');
diag(sprintf 'naive: %d touches, %d kills, %d extra copies',
    map { $_ // -1 } @$r{qw(touches kills extra_copies)});

done_testing();
