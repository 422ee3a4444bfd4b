#!/usr/bin/perl

# check: alone
#
# The bench itself: what it prints and writes, gates that must fail, answers
# that must be refused.  It is no gate for speed: that is make bench.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

need_program('wrk');
need_program('python3');

my $dir = tmpdir();
my @quick = ('--reps', 2, '--secs', 1, '--aa', 0.5, '--json', "$dir/out.json");


# A run with two gates that hold whatever the machine does, and one that
# cannot.

my ($code, $out) = bench(@quick, '--variants', 'plain,plainB,sub',
    '--require', 'cpu:sub/plain>=0.01', '--require', 'cap:plain/plainB>=0.01');

is($code, 0, 'a run whose gates hold exits 0') or diag($out);
like($out, qr/^PASS cpu:sub\/plain>=0\.01: [\d.]+$/m, 'and says PASS');

my $json = json_decode(slurp("$dir/out.json"));
my @runs = @{ $json->{runs}{sub} };

is(scalar @runs, 2, 'two repetitions are in the file');
cmp_ok($_->{requests}, '>', 100, 'with requests') for @runs;
cmp_ok($_->{cpu_us}, '>', 0, 'and CPU') for @runs;
is($_->{errors}, 0, 'and no error') for @runs;
cmp_ok(abs($json->{aa} - 1), '<', 0.5, 'the A/A control is in it');
ok($json->{variants}{sub}{ratio}{median}, 'and the ratio');

($code, $out) = bench(@quick, '--variants', 'plain,sub',
    '--require', 'cpu:sub/plain<=0.01');
is($code, 1, 'a gate that is not met fails the run');
like($out, qr/^FAIL cpu:sub\/plain<=0\.01: [\d.]+$/m, 'and says FAIL');

($code, $out) = bench(@quick, '--skip-wrk', '--variants', 'plain',
    '--require', 'cpu:mod/plain<=1.1');
is($code, 1, 'a gate on what was not measured fails too');
like($out, qr/not measured/, 'and says so');

($code, $out) = bench(@quick, '--require', 'speed>=3');
is($code, 2, 'nonsense is no gate');


# What the module adds to a page, in instructions: the same whatever else the
# machine does.  No page costs none, so the last gate cannot hold.

SKIP: {
    skip 'valgrind is not installed', 3
        if !grep { -x "$_/valgrind" } split /:/, $ENV{PATH};

    ($code, $out) = bench('--counted', '--variants', 'plain,mod',
        '--json', "$dir/out.json", '--require', 'instr:mod-plain<=1');

    like($out, qr/^PASS instr:mod-plain<=\d{4}: /m,
        'an ordinary page is within its bound of instructions')
        or diag($out);
    like($out, qr/^PASS instr:mod\.cart-plain\.cart<=\d{5}: /m,
        'so is a page that is read for its cart');
    is($code . ($out =~ /^FAIL instr:mod-plain<=1: /m ? ' FAIL' : ''), '1 FAIL',
        'a bound that it exceeds fails the run');
}


# Answers that must not be timed.

($code, $out) = bench(@quick, '--variants', 'plain,sub', '--tag-re', 'nowhere');
is($code, 1, 'a variant without its tag fails the run');
like($out, qr/check sub: 0 tags/, 'and is named');
like($out, qr/nothing was timed/, 'before anything is timed');

my $checks = <<'END';
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import checks, re
def judge(head, body, tagged=False, tag=re.compile(b"TAG")):
    bad = checks.judge(checks.Answer(head.encode(), body), b"page", tag, tagged)
    print("|".join(bad) or "fine")
ok = "HTTP/1.1 200 OK\r\nContent-Length: "
judge(ok + "4", b"page")
judge(ok + "5", b"page")
judge(ok + "3", b"page")
judge(ok + "5", b"pages")
judge(ok + "7", b"TAGpage", True)
judge(ok + "10", b"TAGTAGpage", True)
judge(ok + "7", b"TAGpgae", True)
judge("HTTP/1.1 502 Bad", b"page")
judge("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", b"no gzip")
END

($code, $out) = run_command('python3', '-c', $checks, "$ROOT/tools/bench");
is_deeply([split /\n/, $out], [
    'fine', 'Content-Length 5, body has 4 bytes',
    'Content-Length 3, body has 4 bytes', 'page differs from the original',
    'fine', '2 tags', 'page minus tag differs from the original',
    'status 502', 'body does not inflate: Error -3 while decompressing data: '
        . 'incorrect header check',
], 'wrong answers are told from right ones');

($code, $out) = bench(@quick, '--variants', 'plain,plainB', '--aa', 0,
    '--reps', 1, '--attempts', 2);
is($code, 1, 'a run whose control is off is void');
like($out, qr/^void: .*attempt 1 of 2.*^void: .*attempt 2 of 2/ms,
    'is repeated, and given up');

done_testing();


sub bench {
    my ($code, $out, $err) = run_command("$ROOT/tools/bench/bench", @_);

    return ($code, $out . $err);
}
