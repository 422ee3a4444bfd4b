#!/usr/bin/perl

# The command line against a private Redis and a mail server of the test's own:
# what each command changes and prints, its exit codes, its JSON line, and that
# no address leaks into what it prints.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use MIME::QuotedPrint qw(decode_qp);
use Test::More;
use Time::HiRes qw(time);

use CR;


my $bin = "$BUILD/cartrecover";

plan skip_all => 'build/cartrecover is not made' unless -x $bin;

my $dir = tmpdir();
my $redis = redis_start();
my $smtp_port = free_port();
my $secret = secret_file("$dir/secret");
my $policy = policy_file("$dir/policy.json");
my $conf = spew("$dir/worker.conf", <<"END");
# of the test
redis     = unix:@{[ $redis->sock ]}
secret    = $secret
smtp_url  = smtp://127.0.0.1:$smtp_port
smtp_tls  = off
templates = $ROOT/conf/templates
state     = $dir
END


# (exit code, JSON of the last line, the lines before it, stderr)

sub cli {
    my @args = @_;

    my ($code, $out, $err) = run_command($bin, @args, '--config', $conf,
        '--json');
    my @lines = split /\n/, $out;
    my $json = eval { json_decode(pop @lines) } || {};

    return ($code, $json, join("\n", @lines), $err);
}

sub now_ms { return int(time * 1000) }


# --- usage and I/O --------------------------------------------------------------

my ($code, $out, $err) = run_command($bin);
is($code, 2, 'no command: exit code 2');
like($err, qr/queue peek.*exit codes: 0 ok/s, 'and the usage');

($code, $out) = run_command($bin, '--help');
is($code, 0, '--help is no mistake');
like($out, qr/^usage: cartrecover/, 'and goes to stdout');

for my $wrong (['quue'], ['queue'], ['queue', 'peek', 'x'], ['stop'],
    ['check'], ['version', '--nonsense'], ['queue', 'peek', '-n', 'x'],
    ['send-test', 'a@b.example'], ['forget', 'nobody'])
{
    ($code) = run_command($bin, @$wrong, '--config', $conf);
    is($code, 2, "cartrecover @$wrong: exit code 2");
}

my ($rc, $json, $text) = cli('version');
is($rc, 0, 'version');
like($text, qr/^cartrecover \d+\.\d+\.\d+$/, 'a line for people');
is("cartrecover $json->{version}", $text, 'and the same as JSON');

($code, undef, $err) = run_command($bin, 'queue', 'peek', '--config',
    "$dir/none.conf");
is($code, 3, 'no configuration: exit code 3');
like($err, qr/none\.conf/, 'which is named');

my $lost = spew("$dir/lost.conf", "redis = unix:$dir/none.sock\n"
    . "secret = $secret\n");
my $began = time;
($code, undef, $err) = run_command($bin, 'queue', 'peek', '--config', $lost);
is($code, 3, 'no Redis: exit code 3');
like($err, qr/Redis at unix:.*none\.sock/, 'and where it was sought');
cmp_ok(time - $began, '<', 10, 'without a long wait');

chmod 0644, $secret;
(undef, undef, undef, $err) = cli('queue', 'peek');
like($err, qr/0644.*chmod 600/, 'a secret that others can read is refused');
chmod 0600, $secret;


# --- queue peek ---------------------------------------------------------------

($rc, $json, $text) = cli('queue', 'peek');
is($rc, 0, 'an empty Redis has no sites');
is_deeply($json->{sites}, [], 'and none are printed');

my $site = 'shop1';
my $k = "cr:{$site}:";
my $vid = '0123456789abcdef0123456789abcdef';
my $jid = 'fedcba9876543210fedcba9876543210';
my $pid = '00112233445566778899aabbccddeeff';

$redis->cmd('SADD', 'cr:sites', $site, 'shop2');
$redis->cmd('HSET', "${k}j:$jid", st => 'run', step => 1, arm => 'treat',
    pid => $pid, vid => $vid, cart => '{"items":[{"name":"Teapot"}]}',
    gen => 1, tok => 't');
$redis->cmd('ZADD', "${k}due", now_ms() + 3_600_000, $jid);
$redis->cmd('XADD', "${k}in", '*', t => 'contact', v => $vid, n => 'node1',
    seq => '1-1', e => 'e1', d => '{"em":"SEALED-ADDRESS","ver":1}');
$redis->cmd('XADD', "${k}out", '*', t => 'touch', j => $jid, o => 'sent');

($rc, $json, $text) = cli('queue', 'peek', '--site', $site);
is($rc, 0, 'queue peek of one site');
is(scalar @{ $json->{sites} }, 1, 'one site');

my $s = $json->{sites}[0];
is_deeply([ @$s{qw(site due leased events_waiting dead)} ],
    [ $site, 1, 0, 1, 0 ], 'its counts');
is($s->{next}[0]{jid}, $jid, 'the journey that is due next');
ok(abs($s->{next}[0]{in_ms} - 3_600_000) < 60_000, 'in an hour');
is($s->{events}[0]{t}, 'contact', 'the newest event');
is($s->{outcomes}[0]{o}, 'sent', 'the newest outcome');

my $all = json_encode($json) . $text;
unlike($all, qr/SEALED|Teapot|\Q$vid\E|\Q$pid\E/,
    'no address, no cart, no visitor, no person');

($rc, $json) = cli('queue', 'peek');
is(scalar @{ $json->{sites} }, 2, 'all sites without --site');
($rc, $json) = cli('queue', 'peek', '--site', $site, '-n', 0);
is_deeply($json->{sites}[0]{next}, [], '-n 0 shows counts only');
($rc) = cli('queue', 'peek', '--site', 'nobody');
is($rc, 1, 'an unknown site is a finding');


# --- stop, resume ---------------------------------------------------------------

($rc, $json) = cli('stop', $site);
is($rc, 0, 'stop');
like($redis->cmd('HGET', "${k}ctl", 'pause'), qr/^operator/, 'sets the pause');
is($json->{was}, '', 'which was not set before');

($rc, $json, $text) = cli('queue', 'peek', '--site', $site);
like($text, qr/STOPPED/, 'queue peek says so');
ok($json->{sites}[0]{pause}, 'in JSON too');

($rc, $json) = cli('resume', $site);
like($json->{was}, qr/^operator/, 'resume says why it was held');
ok(!$redis->cmd('HEXISTS', "${k}ctl", 'pause'), 'and the pause is gone');

$redis->cmd('HSET', "${k}ctl", pause => 'restored 1');
($rc, $json) = cli('resume', $site);
is($json->{was}, 'restored 1', 'resume ends the hold after a restore, too');

($rc) = cli('stop', $site, '--channel', 'email');
ok($redis->cmd('HEXISTS', "${k}ctl", 'pause:email'), 'stop of one channel');
ok(!$redis->cmd('HEXISTS', "${k}ctl", 'pause'), 'leaves the others');
cli('resume', $site, '--channel', 'email');
ok(!$redis->cmd('HEXISTS', "${k}ctl", 'pause:email'), 'and its resume');
($rc) = cli('stop', $site, '--channel', 'fax');
is($rc, 2, 'no such channel: exit code 2');
($rc) = cli('stop', 'nobody');
is($rc, 1, 'no such site: exit code 1');
ok(!$redis->cmd('EXISTS', 'cr:{nobody}:ctl'), 'and nothing is written');


# --- nodes --------------------------------------------------------------------

my $at = now_ms();
$redis->cmd('HSET', "${k}nodes", web1 => $at, web2 => $at);
$redis->cmd('SET', "${k}hb:web1",
    qq({"mode":"on","spool":0,"owed":2,"at":$at}), 'EX', 30);

($rc, $json, $text) = cli('nodes', 'ls');
is($rc, 0, 'nodes ls');
my %node = map { $_->{node} => $_ } @{ $json->{nodes} };
ok($node{web1}{alive}, 'a node with a heartbeat is alive');
is($node{web1}{heartbeat}{owed}, 2, 'and its heartbeat is shown');
ok(!$node{web2}{alive}, 'one without is not');
like($text, qr/web2  silent/, 'and is called silent');

($rc) = cli('nodes', 'retire', 'web1');
is($rc, 1, 'a node that is alive is not retired');
ok($redis->cmd('HEXISTS', "${k}nodes", 'web1'), 'and stays on the list');
($rc, $json) = cli('nodes', 'retire', 'web2');
is($rc, 0, 'a silent one is');
is_deeply($json->{retired}, [ $site ], 'from its site');
is_deeply([ sort @{ $redis->cmd('HKEYS', "${k}nodes") } ], [ 'web1' ],
    'and is off the list');
($rc) = cli('nodes', 'retire', 'web2');
is($rc, 1, 'a second time it is unknown');
($rc) = cli('nodes', 'retire', 'web1', '--force');
is($rc, 0, '--force retires one that is alive');
ok(!$redis->cmd('EXISTS', "${k}hb:web1"), 'with its heartbeat');


# --- forget -------------------------------------------------------------------

# The look-up of an address is what the receipt of a first call says.

my $address = 'Jane.Doe@Example.org';

($rc, $json, $text) = cli('forget', $address);
is($rc, 0, 'forget of somebody unknown');
is(scalar @{ $json->{receipts} }, 2, 'a receipt for each site');
my %receipt = map { $_->{site} => $_ } @{ $json->{receipts} };
is($receipt{$site}{persons}, 0, 'nobody was there');
like($receipt{$site}{look}, qr/^[0-9a-f]{32}$/, 'the look-up is given');
isnt($receipt{$site}{look}, $receipt{shop2}{look},
    'and differs from site to site');
ok(!exists $json->{rewritten}, 'nothing to rewrite');

my $look = $receipt{$site}{look};
like($redis->cmd('HGET', "${k}sup", "email:$look"), qr/^erased /,
    'the address is suppressed all the same');

$redis->cmd('SET', "${k}ix:email:$look", $pid);
$redis->cmd('HSET', "${k}p:$pid", em => 'SEALED-ADDRESS', emh => $look,
    jid => $jid, vs => $vid, 'c:email' => '1 1 checkout 1');
$redis->cmd('HSET', "${k}v:$vid", pid => $pid, jid => $jid);

($rc, $json, $text) = cli('forget', '  jane.doe@EXAMPLE.org ', '--site',
    $site);
is($rc, 0, 'forget of somebody known, written otherwise');
is_deeply([ @{ $json->{receipts}[0] }{qw(persons journeys visitors entries)} ],
    [ 1, 1, 1, 1 ], 'person, journey, visitor and event are removed');
is($json->{receipts}[0]{look}, $look, 'the same look-up');
like($json->{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'with a time');
ok($json->{rewritten}, 'the append-only file is rewritten');

for my $key ("p:$pid", "ix:email:$look", "j:$jid", "v:$vid") {
    ok(!$redis->cmd('EXISTS', "$k$key"), "$key is gone");
}

is($redis->cmd('XLEN', "${k}in"), 0, 'the event with the address too');
ok($redis->cmd('HEXISTS', "${k}sup", "email:$look"), 'the suppression stays');
unlike(json_encode($json) . $text, qr/jane/i, 'the address is not printed');

ok(wait_for(sub {
    my $info = $redis->cmd('INFO', 'persistence');
    return $info =~ /aof_rewrite_in_progress:0/
        && $info =~ /aof_rewrite_scheduled:0/;
}, 20), 'the rewrite ends');

my $aof = join '', map { slurp($_) }
    glob("$redis->{dir}/appendonlydir/*.aof $redis->{dir}/*.aof");
my $rdb = join '', map { slurp($_) } glob("$redis->{dir}/appendonlydir/*.rdb");
unlike($aof . $rdb, qr/SEALED-ADDRESS/, 'and the file no longer holds it');

($rc, $json) = cli('forget', '+49 30 1234567');
is($rc, 0, 'a phone number can be forgotten as well');
is($json->{receipts}[0]{channel}, 'phone', 'in its own channel');


# --- send-test ------------------------------------------------------------------

# A mail server for one message: refuses the recipient when told to.

sub mail_server {
    my ($answer) = @_;

    my $file = "$dir/mail." . int rand 1e9;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $smtp_port, Proto => 'tcp', Listen => 1, ReuseAddr => 1)
        or die "listen: $!";

    CR::start_sub('mail server', sub {
        my $c = $listen->accept or return;
        $c->autoflush(1);
        print $c "220 test ESMTP\r\n";

        my ($data, $text) = (0, '');

        while (my $line = <$c>) {
            if ($data) {
                if ($line eq ".\r\n") {
                    spew($file, $text);
                    print $c "250 2.0.0 taken as 42\r\n";
                    $data = 0;
                } else {
                    $line =~ s/^\.//;
                    $text .= $line;
                }
            } elsif ($line =~ /^EHLO/) {
                print $c "250-test\r\n250 SIZE 1000000\r\n";
            } elsif ($line =~ /^RCPT/) {
                print $c "$answer\r\n";
            } elsif ($line =~ /^DATA/) {
                print $c "354 go on\r\n";
                $data = 1;
            } elsif ($line =~ /^QUIT/) {
                print $c "221 bye\r\n";
                last;
            } else {
                print $c "250 ok\r\n";
            }
        }
    });

    close $listen;

    return $file;
}

my $mail = mail_server('250 ok');
($rc, $json, $text, $err) = cli('send-test', 'tester@example.org', '--policy',
    $policy);
is($rc, 0, 'send-test') or diag($err);
is($json->{outcome}, 'sent', 'the server took it');
like($json->{reply}, qr/taken as 42/, 'and what it said is shown');

my ($head, $body) = -e $mail ? split(/\r\n\r\n/, slurp($mail), 2) : ('', '');
like($head, qr/^From: Test shop|^From: <shop\@shop\.example>/m, 'From');
like($head, qr/^To: <tester\@example\.org>\r$/m, 'To');
like($head, qr/^Reply-To: <help\@shop\.example>\r$/m, 'Reply-To');
like($head, qr/^Subject: Your cart at Test shop\r$/m, 'Subject');
like($head, qr{^List-Unsubscribe: <https://shop\.example/_cr/u/}m,
    'the unsubscribe link');
like($head, qr/^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m,
    'in one click');

my ($plain, $html) = map { decode_qp($_) }
    $body =~ /quoted-printable\r\n\r\n(.*?)\r\n--=_/gs;
like($plain, qr/- 2 x Test product one/, 'the text has the made-up lines');
like($plain, qr/Main Street 1, 10115 Berlin/, 'and the postal address');
like($plain, qr{https://shop\.example/_cr/r/\S{52}}, 'and a restore link');
like($html, qr/Test product two/, 'and so has the HTML');
like($html, qr/color-scheme/, 'which knows dark mode');

$mail = mail_server('250 ok');
($rc) = cli('send-test', 'tester@example.org', '--policy', $policy,
    '--locale', 'de');
($head, $body) = -e $mail ? split(/\r\n\r\n/, slurp($mail), 2) : ('', '');
like($head, qr/^Subject: Ihr Warenkorb bei Test shop\r$/m, 'in German');

$mail = mail_server('550 5.1.1 nobody here');
($rc, $json, undef, $err) = cli('send-test', 'nobody@example.org', '--policy',
    $policy);
is($rc, 3, 'a refused recipient: exit code 3');
is($json->{outcome}, 'bounced', 'called by its class');
like($err, qr/5\.1\.1 nobody here/, 'with the server\'s word');
ok(!-e $mail, 'and no message was taken');

($rc, $json) = cli('send-test', 'tester@example.org', '--policy', $policy);
is($rc, 3, 'no mail server: exit code 3');
isnt($json->{outcome}, 'sent', 'and it does not say sent');

my $bare = spew("$dir/bare.json", '{"shop":{"id":"a","currency":"EUR"}}');
($rc, $json) = cli('send-test', 'tester@example.org', '--policy', $bare);
is($rc, 1, 'a policy that cannot send: exit code 1');
is($json->{findings}[0]{path}, '$.shop.url', 'and what it lacks');

done_testing();
