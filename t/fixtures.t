#!/usr/bin/perl

# Exchanges written by hand from what is known of platforms that no recording
# is at hand for: t/fixtures/PROFILE[-PART].jsonl.  Each names the fact that it
# stands for, the event that it means ("none" for nothing), and what must be
# read from it; "near" says which event it must not be taken for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my @files = glob "$ROOT/t/fixtures/*.jsonl";

ok(@files > 0, 'there are fixtures');

for my $file (@files) {
    my ($name, $profile) = $file =~ m{/(([a-z0-9_]+)[^/]*)\.jsonl$};

    my @all = map { json_decode($_) } split /\n/, slurp($file);
    my $score = score($name, \@all, understood($profile, $file));

    formed($name, @all);
    diag(sprintf '%s: %d/%d events seen (%.1f %%), %d of %d near misses '
        . 'taken for one, %d false orders', $name, $score->{seen},
        $score->{total}, 100 * $score->{seen} / $score->{total},
        $score->{wrong}, $score->{quiet}, $score->{orders});

    cmp_ok($score->{seen}, '>=', 0.99 * $score->{total}, "$name: 99 % seen");
    is($score->{wrong}, 0, "$name: no event where none was");
    is($score->{orders}, 0, "$name: no false order");
    is($score->{facts}, 0, "$name: all facts are right");
    is($score->{unsteady}, 0, "$name: the same however the bytes came");
}

control();

done_testing();


# What the profile made of each exchange of a file.

sub understood {
    my ($profile, $file) = @_;

    my ($code, $out, $err) = run_command("$BUILD/unit/fixture", $profile,
        { stdin => $file, timeout => 60 });

    is($code, 0, "$file: could be read") or diag($out, $err);

    return [ map { json_decode($_) } grep { /^\{/ } split /\n/, $out ];
}


# At least twelve events, a fact behind each exchange, and beside each event
# one exchange that looks like it and is another.

sub formed {
    my ($name, @all) = @_;

    my @events = grep { $_->{event} !~ /^(?:none|cart)$/ } @all;
    my %events = map { $_->{event} => 1 } @events;
    my %near = map { $_->{near} => 1 } grep { defined $_->{near} } @all;

    cmp_ok(scalar @events, '>=', 12, "$name: twelve events or more");
    is(join(' ', grep { !$near{$_} } sort keys %events), '',
        "$name: each event has a near miss");
    is(scalar(grep { ($_->{fact} // '') !~ /^F?\d+(?:\.\d+)? \S/ } @all), 0,
        "$name: each exchange names its fact");
}


sub score {
    my ($name, $all, $got) = @_;

    my %n = map { $_ => 0 }
        qw(seen total wrong quiet orders facts unsteady);

    is(scalar @$got, scalar @$all, "$name: all were judged");

    for my $i (0 .. $#$all) {
        my ($x, $o) = ($all->[$i], $got->[$i] || {});
        my $event = $o->{event} // 'none';
        my $ok = $event eq $x->{event};
        my $funnel = $x->{event} !~ /^(?:none|cart)$/;

        $n{$funnel ? 'total' : 'quiet'}++;
        $n{seen}++ if $funnel && $ok;
        $n{wrong}++ if !$ok
            && (!$funnel || defined $x->{near} && $event eq $x->{near});
        $n{orders}++ if $event eq 'order' && $x->{event} ne 'order';
        $n{unsteady}++ unless $o->{steady};

        diag("$name: $x->{fact}: is $x->{event}, was taken for $event") if !$ok;
        $n{facts} += differences("$name: $x->{fact}", $x->{want} || {}, $o);
    }

    return \%n;
}


# null: this must not have been read.

sub differences {
    my ($what, $want, $got) = @_;

    my $n = 0;

    for my $key (sort keys %$want) {
        my ($w, $g) = map { text($_) } $want->{$key}, $got->{$key};
        next if $w eq $g;
        $n++;
        diag("$what: $key is $w, was read as $g");
    }

    return $n;
}


sub text {
    my ($v) = @_;

    return 'nothing' unless defined $v;
    return $v unless ref $v;
    return join '; ', map { my $l = $_;
        join ' ', map { "$_=$l->{$_}" } sort keys %$l } @$v;
}


# A profile that knows nothing of a platform must fail by the same counting.

sub control {
    my ($file) = @files;
    my @all = map { json_decode($_) } split /\n/, slurp($file);

    $_->{event} = $_->{event} eq 'none' ? 'order' : 'none' for @all;

    note('the control is wrong on purpose:');
    my $n;
    {
        no warnings 'redefine';
        local *main::diag = sub { };
        $n = score('control', \@all, understood(
            $file =~ m{/([a-z0-9_]+)[^/]*\.jsonl$}, $file));
    }

    cmp_ok($n->{seen}, '<', 0.5 * $n->{total}, 'control: events unseen');
    cmp_ok($n->{orders}, '>', 0, 'control: false orders are counted');
}
