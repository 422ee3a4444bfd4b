#!/usr/bin/perl

# Each fuzz target over its corpus, and over that corpus cut and changed byte
# by byte, under AddressSanitizer and UBSan; no clang needed.  The control is a
# target that reads one byte too far.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my @targets = map { m{([^/]+)\.c$} } grep { !/replay_main/ }
    glob "$ROOT/t/fuzz/*.c";

ok(@targets > 0, 'there are fuzz targets');

for my $name (@targets) {
    my $program = "$BUILD/fuzz-replay/$name";
    my $corpus = "$ROOT/t/fuzz/corpus/$name";
    my @files = glob "$corpus/*";

    ok(@files > 0, "$name: a corpus");

    my ($code, $out, $err) = run_command($program, -d $corpus ? $corpus : (),
        { timeout => 240, env => { UBSAN_OPTIONS => 'print_stacktrace=1' } });
    my ($runs) = $out =~ /(\d+) runs$/m;

    ok($code == 0 && $runs && $runs > @files,
        "$name: " . ($runs // 0) . ' runs')
        or diag(substr $out . $err, -4000);
}

my $dir = tmpdir();

spew("$dir/bad.c", <<'END');
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
volatile int sink;
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sink = size > 2 ? data[size] : 0;
    return 0;
}
END
spew("$dir/input", 'abcdef');

my ($code, undef, $err) = run_command('gcc', '-g', '-fsanitize=address', '-o',
    "$dir/bad", "$dir/bad.c", "$ROOT/t/fuzz/replay_main.c");
is($code, 0, 'control: builds') or diag($err);

($code, undef, $err) = run_command("$dir/bad", "$dir/input");
isnt($code, 0, 'control: one byte too far is fatal');
like($err, qr/heap-buffer-overflow/, 'control: and named');

done_testing;
