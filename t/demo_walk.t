# check: alone
#
# The demo as its shoppers see it: tools/demo.sh --walk, with Chromium.  The
# walk has its own controls; this looks at what it counted, and at what the
# command says when a port is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use CR;
use Test::More;

need_program('chromium');
need_program('chromedriver');
plan(skip_all => 'python3-selenium or python3-aiosmtpd is not installed')
    if system('/usr/bin/python3 -c "import selenium, aiosmtpd" 2>/dev/null');

my $dir = tmpdir();


subtest 'a taken port gets a clear word' => sub {
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
        Proto => 'tcp') or die "listen: $!";
    my $port = $taken->sockport;
    my ($rc, $out, $err) = run_command("$ROOT/tools/demo.sh", '--no-build',
        '--dir', "$dir/taken", '--port', $port, '--mail-port', free_port(),
        { timeout => 60 });

    is($rc, 1, 'it does not start');
    like($err, qr/port $port is taken .* --port/, 'and says why');

    ($rc, $out) = run_command("$ROOT/tools/demo.sh", 'status', '--dir',
        "$dir/taken", { timeout => 60 });
    is($rc, 3, 'nothing was left running');
};


subtest 'the walk' => sub {
    my ($rc, $out, $err) = run_command("$ROOT/tools/demo.sh", '--walk',
        '--no-build', '--dir', "$dir/walk", { timeout => 420 });
    my @lines = split /\n/, $out;
    my $seen = eval { json_decode($lines[-1] // '') } || {};

    is($rc, 0, 'exit status') or diag($out, $err);

    my %want = (
        mails_after_leave => 1, mails_after_order => 0,
        mails_without_consent => 0, mails_to_holdout => 0,
        mails_after_unsubscribe => 0, mail_faults => 0, controls => 3,
        page_errors => 0, problems => 0,
    );

    is($seen->{$_}, $want{$_}, $_) for sort keys %want;
    ok($seen->{cart_restored}, 'cart_restored');
    ok($seen->{first_mail_in_time}, 'first_mail_in_time');
    ok(!-e "$dir/walk", 'nothing stays behind a walk that went well');
};

done_testing();
