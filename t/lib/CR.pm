package CR;

# What the prove tests share: ports, directories, processes that do not
# outlive a test, waiting with a deadline, and (by the packages beside this
# one) a private Redis, nginx with the module, an origin and an HTTP client.
#
#   use CR;
#   my $redis  = redis_start();
#   my $origin = origin_start(sub { my ($req) = @_; { body => 'hello' } });
#   my $nginx  = nginx_start(
#       redis  => $redis,
#       server => "cartrecover on;
#                  location / { proxy_pass http://127.0.0.1:$origin->{port}; }");
#   my $res = http($nginx->port, GET => '/');
#   is($res->status, 200);
#   $nginx->stop;                  # asserts a clean error log

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    $ROOT $BUILD free_port tmpdir wait_for slurp spew json_decode json_encode
    shared_dir need_shared need_program run_command start_process stop_process
    alive secret_file policy_file redis_start redis_cmd nginx_start nginx_test
    origin_start http http_raw http_client
);

our $ROOT   = abs_path(dirname(__FILE__) . '/../..');
our $BUILD  = build_dir($ENV{CR_BUILD} || 'build');
our $MODULE = "$BUILD/ngx_http_cartrecover_module.so";

my $owner = $$;
my %started;            # pid => name, of this process only


require CR::Redis;
require CR::Nginx;
require CR::Origin;
require CR::Http;

# The line-wise reader of a harness must see each result when it happens.
$| = 1;
$SIG{PIPE} = 'IGNORE';


sub build_dir {
    my ($dir) = @_;

    return $dir =~ m{^/} ? $dir : "$ROOT/$dir";
}


# A free TCP port of 127.0.0.1 below the range that the system hands out to
# outgoing connections, so that it stays free until the caller binds it.

sub free_port {
    for (1 .. 200) {
        my $port = 10000 + int rand 22000;
        my $s = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp',
            Listen => 1);

        if ($s) {
            close $s;
            return $port;
        }
    }

    die "no free port\n";
}


# Goes away with the test; CR_KEEP=1 keeps it and says where it is.

sub tmpdir {
    my $dir = File::Temp::tempdir('cartrecover-XXXXXXXX', TMPDIR => 1,
        CLEANUP => !$ENV{CR_KEEP});

    chmod 0755, $dir;
    print STDERR "# kept: $dir\n" if $ENV{CR_KEEP};

    return $dir;
}


# The first true value of the sub, or nothing after so many seconds.

sub wait_for {
    my ($sub, $seconds, $pause) = @_;

    my $end = time + ($seconds // 10) * ($ENV{CR_VALGRIND} ? 5 : 1);

    while (1) {
        my $value = $sub->();

        return $value if $value;
        return if time >= $end;

        sleep($pause // 0.02);
    }
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<:raw', $path or die "$path: $!\n";
    local $/;
    my $text = <$fh>;

    return $text // '';
}


sub spew {
    my ($path, $text, $mode) = @_;

    open my $fh, '>:raw', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
    chmod $mode, $path if defined $mode;

    return $path;
}


sub json_decode { return JSON::PP->new->utf8->decode($_[0]) }
sub json_encode { return JSON::PP->new->utf8->canonical->encode($_[0]) }


# Material that lies beside the repository, or nothing.

sub shared_dir {
    my $dir = $ENV{CARTRECOVER_SHARED} || "$ROOT/../shared";

    return -d $dir ? abs_path($dir) : undef;
}


sub need_shared {
    my ($part) = @_;

    my $dir = shared_dir();
    my $path = defined $dir ? "$dir/$part" : undef;

    if (!defined $path || !-e $path) {
        require Test::More;
        Test::More::plan(skip_all =>
            "$part is not beside the repository (CARTRECOVER_SHARED=dir)");
    }

    return $path;
}


sub need_program {
    my ($program) = @_;

    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
        return "$dir/$program" if -x "$dir/$program";
    }

    require Test::More;
    Test::More::plan(skip_all => "$program is not installed");
}


# Runs to the end: (exit code, stdout, stderr).

sub run_command {
    my (@command) = @_;

    my $opt = ref $command[-1] eq 'HASH' ? pop @command : {};
    my $out = File::Temp->new;
    my $err = File::Temp->new;
    my $pid = child(\@command, { %$opt, stdout => "$out", stderr => "$err" });

    my $done = wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid
                              ? [$?] : undef }, $opt->{timeout} // 300);
    if (!$done) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        return (124, slurp("$out"), slurp("$err") . "timed out\n");
    }

    my $status = $done->[0];

    return ($status & 127 ? 128 + ($status & 127) : $status >> 8,
        slurp("$out"), slurp("$err"));
}


# A background process that is ended with the test at the latest.
# Options: stdout, stderr (files), stdin, env {}, dir.

sub start_process {
    my (@command) = @_;

    my $opt = ref $command[-1] eq 'HASH' ? pop @command : {};
    my $pid = child(\@command, $opt);

    $started{$pid} = $command[0];

    return $pid;
}


sub child {
    my ($command, $opt) = @_;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;
    return $pid if $pid;

    my $ok = open(STDIN, '<', $opt->{stdin} // '/dev/null');
    $ok &&= open(STDOUT, '>>', $opt->{stdout}) if defined $opt->{stdout};
    $ok &&= open(STDERR, '>>', $opt->{stderr}) if defined $opt->{stderr};
    $ok &&= chdir($opt->{dir}) if defined $opt->{dir};

    $SIG{PIPE} = 'DEFAULT';
    @ENV{keys %{ $opt->{env} || {} }} = values %{ $opt->{env} || {} };
    { no warnings; exec { $command->[0] } @$command if $ok; }
    print STDERR "$command->[0]: $!\n";
    POSIX::_exit(127);
}


# Runs a sub in a process of its own.

sub start_sub {
    my ($name, $sub) = @_;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;

    if (!$pid) {
        %started = ();
        eval { $sub->(); 1 } or print STDERR "# $name: $@";
        POSIX::_exit(0);
    }

    $started{$pid} = $name;

    return $pid;
}


# True while it runs; a finished one is reaped here and its status kept.

my %ended;

sub alive {
    my ($pid) = @_;

    return 0 if exists $ended{$pid};

    if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
        $ended{$pid} = $?;
        delete $started{$pid};
        return 0;
    }

    return kill(0, $pid) ? 1 : 0;
}


# Signals, waits, kills when that does not help; the wait status.

sub stop_process {
    my ($pid, $signal, $seconds) = @_;

    if (alive($pid)) {
        my $next = 0;

        # Sent again each second: a single-process nginx may sleep on one that
        # came between its look at the flag and its wait for events.
        my $ended = wait_for(sub {
            return 1 unless alive($pid);
            if (time >= $next) {
                kill $signal // 'TERM', $pid;
                $next = time + 1;
            }
            return;
        }, $seconds // 10);

        if (!$ended) {
            print STDERR "# pid $pid ($started{$pid}) ignored "
                . ($signal // 'TERM') . "\n";
            kill 'KILL', $pid;
            wait_for(sub { !alive($pid) }, 5);
        }
    }

    delete $started{$pid};

    return $ended{$pid};
}


END {
    if ($$ == $owner) {
        my $status = $?;

        for my $pid (keys %started) {
            kill 'TERM', $pid if alive($pid);
        }

        for my $pid (keys %started) {
            next if wait_for(sub { !alive($pid) }, 3);
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        $? = $status;
    }
}


# A secret of the length that lib/cr_token.h asks for.

sub secret_file {
    my ($path, $mode) = @_;

    return spew($path, 'test secret ' . ('0123456789abcdef' x 4) . "\n",
        $mode // 0600);
}


# A small valid policy; %change replaces whole top-level blocks, and shop => {}
# is merged into the shop block.

sub policy_file {
    my ($path, %change) = @_;

    my $shop = delete $change{shop} || {};
    my $policy = {
        shop => {
            id => 'shop1', name => 'Test shop', url => 'https://shop.example',
            currency => 'EUR', tz => 'Europe/Berlin', locales => ['en', 'de'],
            default => 'en',
            sender => {
                from => 'shop@shop.example', reply_to => 'help@shop.example',
                address => 'Test shop, Main Street 1, 10115 Berlin',
                privacy => 'https://shop.example/privacy',
            },
            %$shop,
        },
        %change,
    };

    return spew($path, json_encode($policy) . "\n");
}


1;
