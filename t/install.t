#!/usr/bin/perl

# make install into a directory of its own: what lands where, with which mode;
# a module that is in use is renamed over; what the operator has edited stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my $module = 'usr/lib/nginx/modules/ngx_http_cartrecover_module.so';
my $conf = 'etc/cartrecover/cartrecoverd.conf';
my $unit = 'lib/systemd/system/cartrecoverd.service';

my $dest = tmpdir();

sub make {
    my (@args) = @_;

    my ($code, $out, $err) = run_command('make', '-C', $ROOT,
        'B=' . ($ENV{CR_BUILD} || 'build'),
        "DESTDIR=$dest", @args, { env => { MAKEFLAGS => '', MAKELEVEL => '' } });

    return $code == 0 ? undef : substr $out . $err, -3000;
}

sub mode { return sprintf '%04o', (stat "$dest/$_[0]")[2] & 07777 }

is(make('install-files'), undef, 'make install');

my %modes = (
    $module => '0644', 'usr/sbin/cartrecoverd' => '0755',
    'usr/bin/cartrecover' => '0755', $unit => '0644', $conf => '0640',
    'etc/cartrecover' => '0750', 'var/lib/cartrecover' => '0750',
    'etc/logrotate.d/cartrecover' => '0644',
    'usr/lib/sysusers.d/cartrecover.conf' => '0644',
    'usr/share/cartrecover/policy.example.json' => '0644',
);

for my $file (sort keys %modes) {
    ok(-e "$dest/$file", $file) and is(mode($file), $modes{$file}, 'its mode');
}

ok(-d "$dest/usr/share/cartrecover/$_", $_) for qw(templates platforms);
ok(!-e "$dest/etc/cartrecover/secret", 'a package carries no secret');

my @all = split /\n/, `cd $dest && find . -type f`;
my @text = grep { -T "$dest/$_" && slurp("$dest/$_") =~ /\Q$ROOT\E|\Q$dest\E/ }
    @all;
is_deeply(\@text, [], 'no text names the build tree');

my $service = slurp("$dest/$unit");
unlike($service, qr/@[A-Z]+@/, 'the unit is filled in');
like($service, qr{^ExecStart=/usr/sbin/cartrecoverd }m, 'and starts the worker');

for my $program (qw(usr/sbin/cartrecoverd usr/bin/cartrecover)) {
    my ($libraries) = (run_command('ldd', "$dest/$program"))[1];
    unlike($libraries, qr/not found/, "$program: its libraries are there");
}

my ($code, $out) = run_command("$dest/usr/bin/cartrecover", 'version');
my ($version) = slurp("$ROOT/lib/cr_version.h") =~ /CR_VERSION +"(.*)"/;
is($code, 0, 'cartrecover version');
like($out, qr/\Q$version\E/, "says $version");

my ($loads, $said) = run_command('nginx', '-t', '-p', $dest, '-e', 'stderr',
    '-c', spew("$dest/nginx.conf", "load_module $dest/$module;\n"
        . "pid $dest/nginx.pid; events { }\nhttp { }\n"));
is($loads, 0, 'nginx loads the installed module') or diag($said);

SKIP: {
    skip 'no systemd-analyze', 1 unless -x '/usr/bin/systemd-analyze';

    my $copy = "$dest/cartrecoverd.service";
    (my $here = $service) =~ s{^ExecStart=\S+}{ExecStart=$dest/usr/sbin/cartrecoverd}m;
    spew($copy, $here);
    my ($bad, $o, $e) = run_command('systemd-analyze', 'verify', $copy);
    my @ours = grep { /cartrecoverd/ && !/not exist|Failed to create/ }
        split /\n/, $o . $e;
    is_deeply(\@ours, [], 'systemd finds no fault with the unit');
}

SKIP: {
    my ($logrotate) = grep { -x } '/usr/sbin/logrotate', '/sbin/logrotate';
    skip 'no logrotate', 1 unless $logrotate;

    my ($bad, $o, $e) = run_command($logrotate, '-d', '-s', "$dest/state",
        "$dest/etc/logrotate.d/cartrecover");
    unlike($o . $e, qr/error: (?!.*(?:user|group))/, 'logrotate reads its file');
}


# Again, over a module that is mapped and a file that was edited.

spew("$dest/$conf", "redis = unix:/edited\n", 0640);
my $inode = (stat "$dest/$module")[1];
open my $mapped, '<:raw', "$dest/$module" or die;
is(make('install-files'), undef, 'make install again');
isnt((stat "$dest/$module")[1], $inode, 'the module is another file');
is((stat $mapped)[1], $inode, 'the old one lives on for who has it open');
like(slurp("$dest/$conf"), qr/edited/, 'the edited configuration stays');
is(scalar(grep { /\.new$/ } split /\n/, `find $dest`), 0, 'nothing half done');

is(make('install-files', 'PREFIX=/opt/cr', 'NGINX_MODULES=/opt/nginx/modules'), undef,
    'another PREFIX');
ok(-x "$dest/opt/cr/bin/cartrecover", 'takes it');
like(slurp("$dest/$unit"), qr{^ExecStart=/opt/cr/sbin/cartrecoverd }m,
    'in the unit too');

is(make('uninstall'), undef, 'make uninstall');
ok(!-e "$dest/$module" && !-e "$dest/usr/bin/cartrecover", 'the programs go');
ok(-e "$dest/$conf", 'what the operator wrote stays');

done_testing;
