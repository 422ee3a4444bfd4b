#!/usr/bin/perl

# The public mustache specification: all 136 cases of its six core files,
# through t/unit/mustache_spec.c; and one wrong expectation, which must fail.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/..');
my $dir = ($ENV{CARTRECOVER_SHARED} // "$root/../shared") . '/specs/mustache';
my $bin = "$root/build/unit/mustache_spec";
my @files = map { "$dir/$_.json" }
    qw(comments delimiters interpolation inverted partials sections);

plan skip_all => 'the mustache specification is not there'
    if grep { !-r } @files;

unless (-x $bin) {
    my $tmp = tempdir(CLEANUP => 1);
    $bin = "$tmp/mustache_spec";
    my $cc = $ENV{CC} // 'cc';
    system("$cc -std=c11 -I'$root/lib' -I'$root/t/unit' -o '$bin' "
        . "'$root'/t/unit/mustache_spec.c '$root'/lib/cr_mustache*.c "
        . "'$root'/lib/cr_json*.c -ljansson") == 0
        or BAIL_OUT('the test driver does not compile');
}

sub run {
    my @paths = @_;

    open(my $out, '-|', $bin, @paths) or die "$bin: $!";
    my @lines = <$out>;
    close($out);

    return ($? >> 8, @lines);
}

my $total = 0;

for my $path (@files) {
    my ($name) = $path =~ m{([^/]+)\.json$};
    open(my $in, '<:raw', $path) or die "$path: $!";
    my $cases = @{ decode_json(do { local $/; <$in> })->{tests} };
    my ($rc, @lines) = run($path);
    my $passed = grep { /^ok \d+ - \Q$name\E\.json: / } @lines;

    is($rc, 0, "$name: the driver is content");
    is($passed, $cases, "$name: $cases cases pass")
        or diag(grep { !/^ok/ } @lines);
    $total += $passed;
}

is($total, 136, 'the core specification has 136 cases');

my $tmp = tempdir(CLEANUP => 1);
open(my $bad, '>', "$tmp/bad.json") or die $!;
print $bad encode_json({ tests => [ { name => 'wrong', data => { a => 1 },
    template => '{{a}}', expected => '2' } ] });
close($bad);

my ($rc, @lines) = run("$tmp/bad.json");
is($rc, 1, 'control: a wrong expectation fails');
ok((grep { /^not ok \d+ - bad\.json: wrong/ } @lines), 'and says which');

done_testing();
