#!/usr/bin/perl

# check: alone
#
# The tests of the module once more with nginx under valgrind: no error, no
# definite leak of ours.  t/lib/CR/Nginx.pm does the judging, at each stop.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


need_program('valgrind');

my @tests = $ENV{CR_VALGRIND_TESTS} ? split(' ', $ENV{CR_VALGRIND_TESTS})
    : grep { my $text = slurp($_);
             $text =~ /\bnginx_start\b/ && $text !~ /^# (?:check: alone|no valgrind)/m }
      glob "$ROOT/t/*.t";

ok(@tests > 0, 'there are tests of the module');

for my $test (@tests) {
    my ($name) = $test =~ m{([^/]+)$};
    my ($code, $out, $err) = run_command($^X, "-I$ROOT/t/lib", $test, {
        dir => $ROOT, timeout => 600,
        env => { CR_VALGRIND => 1 } });
    my $clean = () = $out =~ /^ok \d+ - valgrind: no errors$/mg;

    if ($out =~ /^1\.\.0 # SKIP (.*)/m) {
        pass("$name skips: $1");
        next;
    }

    ok($code == 0 && $clean > 0, "$name ($clean nginx under valgrind)")
        or diag("exit $code\n",
            join("\n", grep { /^not ok/ } split /\n/, $out), "\n",
            substr $err, -6000);
}


# The control: what the judge says of a log with an error and a leak of ours,
# and of one with a leak that is nginx's.

my %logs = (
    error => "==1== Invalid read of size 1\n==1==    at 0x1: cr_x (x.c:1)\n"
        . "==1== \n==1== ERROR SUMMARY: 1 errors from 1 contexts\n",
    killed => "==1== Command: nginx\n==1== \n==1== Conditional jump or move "
        . "depends on uninitialised value(s)\n==1==    at 0x1: cr_x (x.c:1)\n",
    leak => "==1== \n==1== 8 bytes in 1 blocks are definitely lost in loss "
        . "record 1\n==1==    by 0x1: cr_profile_compile (cr_profile.c:1)\n"
        . "==1== \n==1== ERROR SUMMARY: 0 errors from 0 contexts\n",
    clean => "==1== \n==1== 8 bytes in 1 blocks are definitely lost in loss "
        . "record 1\n==1==    by 0x1: ngx_set_environment (nginx.c:1)\n"
        . "==1== \n==1== ERROR SUMMARY: 0 errors from 0 contexts\n",
);

for my $name (sort keys %logs) {
    my $dir = tmpdir();
    my $bad = 0;

    spew("$dir/valgrind.1", $logs{$name});

    {
        no warnings 'redefine';
        local *Test::More::is = sub ($$;$) { $bad++ if $_[0] ne $_[1]; 1 };
        local *Test::More::diag = sub { };
        bless({ dir => $dir }, 'CR::Nginx')->check_valgrind;
    }

    is($bad, $name eq 'clean' ? 0 : 1, "control: $name");
}

done_testing;
