package CRFaults;

# Runs a program of t/faults and tells its TAP as this test's own.

use strict;
use warnings;

use Exporter qw(import);
use IPC::Open3;
use Test::More;

use CR;

our @EXPORT = qw(faults_tap faults_json kill_worker);


sub environment {
    $ENV{CR_BUILD} = $BUILD;
    delete $ENV{NOTIFY_SOCKET};

    return;
}


# The worker that kills itself at labelled points is made when it is missing.

sub kill_worker {
    my ($status, $out, $err) = run_command('make', '-s', '-C', $ROOT,
        'B=' . ($BUILD =~ s{^\Q$ROOT\E/}{}r),
        ($BUILD =~ s{^\Q$ROOT\E/}{}r) . '/cartrecoverd-kill');

    BAIL_OUT("cartrecoverd-kill: $err") if $status;

    return;
}


sub faults_tap {
    my ($script, @args) = @_;

    environment();

    my ($plan, $seen) = (undef, 0);
    my $pid = open3(undef, my $out, undef, 'python3',
        "$ROOT/t/faults/$script", @args);

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            $seen++;
            ok(!$1, $2);
        } elsif ($line =~ /^1\.\.(\d+)$/) {
            $plan = $1;
        } else {
            diag($line =~ s/^# ?//r) if $line !~ /^# \w+$/;
        }
    }
    waitpid $pid, 0;

    is($seen, $plan // 'a plan', "$script ran to its end");

    return;
}


# The last line that a program prints, as JSON, and its exit code.

sub faults_json {
    my ($script, @args) = @_;

    environment();

    my ($status, $out, $err) = run_command('python3',
        "$ROOT/t/faults/$script", @args, { timeout => 900 });
    my ($line) = reverse grep { /^\{/ } split /\n/, $out;

    diag($err) if !defined $line;

    return ($status, defined $line ? json_decode($line) : {});
}

1;
