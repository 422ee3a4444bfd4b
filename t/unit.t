#!/usr/bin/perl

# The unit tests of lib/ (and of what else stands in t/unit), built with
# AddressSanitizer and UBSan, one after another.  What does not use check.h is
# a driver that another test calls.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my @names = map { m{([^/]+)\.c$} }
    grep { slurp($_) =~ /^#include "check\.h"/m } glob "$ROOT/t/unit/*.c";

ok(@names > 0, 'there are unit tests');

# Why this output is no pass, or nothing.

sub trouble {
    my ($code, $out) = @_;

    my $ok     = () = $out =~ /^ok \d+/mg;
    my $not_ok = () = $out =~ /^not ok \d+/mg;
    my ($plan, $skip) = $out =~ /^1\.\.(\d+)(?: # SKIP (.*))?$/m;

    return "exit $code" if $code;
    return "$not_ok of " . ($ok + $not_ok) . ' checks failed' if $not_ok;
    return 'no plan' unless defined $plan;
    return "planned $plan, ran $ok" if $plan != $ok;
    return 'no checks' if $plan == 0 && !defined $skip;

    return;
}

for my $name (@names) {
    my ($code, $out, $err) = run_command("$BUILD/unit/$name", {
        timeout => 240, dir => $ROOT,
        env => { UBSAN_OPTIONS => 'print_stacktrace=1' } });
    my $why = trouble($code, $out);
    my ($plan) = $out =~ /^(1\.\..*)$/m;

    ok(!defined $why, "$name (" . ($plan // 'no plan') . ')') or diag($why,
        "\n", join("\n", grep { /^(?:not ok|#)/ } split /\n/, $out), "\n",
        substr $err, 0, 4000);
}

is(trouble(0, "ok 1 - a\n1..1\n"), undef, 'control: a pass');
like(trouble(0, "ok 1 - a\nnot ok 2 - b\n1..2\n"), qr/1 of 2/,
    'control: a failed check');
like(trouble(0, "ok 1 - a\n1..2\n"), qr/planned 2/, 'control: one missing');
like(trouble(0, "ok 1 - a\n"), qr/no plan/, 'control: ended early');
like(trouble(134, "ok 1 - a\n1..1\n"), qr/exit 134/, 'control: a crash');

done_testing;
