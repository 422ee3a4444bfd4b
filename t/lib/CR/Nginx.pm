package CR::Nginx;

# nginx with the module, private to one test.
#
#   my $nginx = nginx_start(redis => $redis, server => '...', http => '...');
#
# Options: server (inside the one server block), servers (more blocks as text),
# http, main, conf (a whole configuration instead), redis (object, path, or
# absent: then no cartrecover_redis), zone ("zone=shops:8m", '' = none),
# secret ('' = none), workers (1), module (0 = do not load), allow (regex of
# error log lines that are expected), files { name => text }, dir, env.
#
# In all texts %%DIR%%, %%PORT%%, %%PORT_name%% (a further free port, see
# ->port('name')), %%REDIS%% and %%MODULE%% are replaced.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More ();

use CR ();


sub CR::nginx_start {
    my (%o) = @_;

    my $self = prepare(%o);

    $self->start;

    return $self;
}


# nginx -t with the same options: (exit code, what it said).

sub CR::nginx_test {
    my (%o) = @_;

    my $self = prepare(%o);
    my ($code, $out, $err) = CR::run_command(binary(), '-t', '-c',
        $self->{conf}, '-p', $self->{dir}, '-e', 'stderr');

    return ($code, $err . $out);
}


sub binary {
    return $ENV{CR_NGINX} || CR::need_program('nginx');
}


sub prepare {
    my (%o) = @_;

    my $self = bless { ports => {}, dir => $o{dir} // CR::tmpdir(),
        allow => $o{allow}, env => $o{env} || {} }, __PACKAGE__;
    my $dir = $self->{dir};
    my $redis = ref $o{redis} ? $o{redis}->sock : $o{redis};

    $self->{conf} = "$dir/nginx.conf";
    $self->{error_log} = "$dir/error.log";
    $self->{redis} = $redis;

    CR::secret_file("$dir/secret") unless -e "$dir/secret";
    CR::policy_file("$dir/policy.json") unless -e "$dir/policy.json";

    for my $name (keys %{ $o{files} || {} }) {
        CR::spew("$dir/$name", $self->fill($o{files}{$name}));
    }

    $self->configure(%o);

    return $self;
}


# Writes nginx.conf anew (for a reload with other options).

sub configure {
    my ($self, %o) = @_;

    CR::spew($self->{conf}, $self->fill($o{conf} // $self->text(%o)));

    return $self;
}


sub text {
    my ($self, %o) = @_;

    my $http = $o{http} // '';
    my $main = $o{main} // '';
    my $workers = $o{workers} // 1;
    my $own = '';

    if ($o{module} // 1) {
        my $zone = $o{zone} // 'zone=shops:8m';

        $own .= "    cartrecover_zone $zone;\n" if length $zone;
        $own .= "    cartrecover_redis unix:$self->{redis};\n"
            if defined $self->{redis};
        $own .= "    cartrecover_secret %%DIR%%/secret;\n"
            unless defined $o{secret} && $o{secret} eq '';
        $main = "load_module %%MODULE%%;\n$main";
    }

    my $single = $ENV{CR_VALGRIND} ? "master_process off;\n" : '';
    my $user = $> == 0 ? "user root;\n" : '';
    my $temp = join '', map { "    ${_}_temp_path %%DIR%%/temp_$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my $servers = ref $o{servers} ? join("\n", @{ $o{servers} })
        : $o{servers} // '';
    my $server = !defined $o{server} ? '' : <<END;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name shop.example;
        $o{server}
    }
END

    return <<END;
$main
daemon off;
$user${single}worker_processes $workers;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;

events { worker_connections 1024; }

http {
    access_log off;
    default_type text/html;
$temp$own
    $http
$server
    $servers
}
END
}


sub fill {
    my ($self, $text) = @_;

    my $redis = $self->{redis} // '';

    for ($text) {
        s/%%DIR%%/$self->{dir}/g;
        s/%%REDIS%%/$redis/g;
        s/%%MODULE%%/$CR::MODULE/g;
        s/%%PORT(?:_(\w+))?%%/$self->port($1)/ge;
    }

    return $text;
}


# The port of that name, picked at the first mention.

sub port {
    my ($self, $name) = @_;

    return $self->{ports}{ $name // '' } ||= CR::free_port();
}


sub dir { return $_[0]{dir} }
sub pid { return $_[0]{pid} }


sub start {
    my ($self) = @_;

    my $dir = $self->{dir};
    my @run = (binary(), '-c', $self->{conf}, '-p', $dir, '-e',
        $self->{error_log});
    my %env = %{ $self->{env} };

    if ($ENV{CR_VALGRIND}) {
        unshift @run, CR::need_program('valgrind'), '--leak-check=full',
            '--show-leak-kinds=definite', '--errors-for-leak-kinds=none',
            '--num-callers=30', "--suppressions=$CR::ROOT/t/lib/valgrind.supp",
            '--gen-suppressions=all', "--log-file=$dir/valgrind.%p";
    }

    if ($ENV{CR_ASAN}) {
        my $lib = `gcc -print-file-name=libasan.so`;
        chomp $lib;
        $env{LD_PRELOAD} = $lib;
        $env{ASAN_OPTIONS} = "detect_leaks=0:log_path=$dir/asan";
    }

    $self->{pid} = CR::start_process(@run,
        { stdout => "$dir/stdout", stderr => "$dir/stdout", env => \%env });

    my @listens = CR::slurp($self->{conf})
        =~ /^\s*listen\s+127\.0\.0\.1:(\d+)/mg;
    my $up = CR::wait_for(sub {
        return 'dead' unless CR::alive($self->{pid});
        return unless -s "$dir/nginx.pid";
        for my $port (@listens) {
            IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $port, Proto => 'tcp') or return;
        }
        return 'up';
    }, 20);

    if (($up // 'silent') ne 'up') {
        my $log = join '', map { -e $_ ? CR::slurp($_) : '' }
            "$dir/stdout", $self->{error_log};
        die 'nginx: ' . ($up // 'silent') . "\n$log";
    }

    return $self;
}


# Waits until all workers are those of the new configuration.

sub reload {
    my ($self, $seconds) = @_;

    my %old = map { $_ => 1 } $self->workers;

    my $was = () = $self->log_lines(qr/reconfiguring/);

    kill 'HUP', $self->{pid};

    return CR::wait_for(sub {
        if ($ENV{CR_VALGRIND}) {
            IO::Socket::INET->new(PeerAddr => '127.0.0.1',      # wakes it
                PeerPort => $self->port, Proto => 'tcp');
            return $was < (() = $self->log_lines(qr/reconfiguring/));
        }
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    }, $seconds // 10);
}


sub workers {
    my ($self) = @_;

    return ($self->{pid}) if $ENV{CR_VALGRIND};

    my @pids;

    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $stat or next;
        my ($pid, $parent) = (<$fh> // '') =~ /^(\d+) \(.*\) \S (\d+) / or next;
        close $fh;
        next unless $parent == $self->{pid};
        open my $cmd, '<', "/proc/$pid/cmdline" or next;
        push @pids, $pid if (<$cmd> // '') =~ /worker process/;
    }

    return @pids;
}


sub log_lines {
    my ($self, $regex) = @_;

    my $text = -e $self->{error_log} ? CR::slurp($self->{error_log}) : '';

    return grep { !defined $regex || $_ =~ $regex } split /\n/, $text;
}


# Ends nginx; one test says that its log is clean, more under valgrind and
# AddressSanitizer.  stop(quiet => 1) only ends it.

sub stop {
    my ($self, %o) = @_;

    CR::stop_process($self->{pid}, $o{signal} // 'QUIT', $o{seconds} // 15);
    return if $o{quiet};

    my $allow = $self->{allow};
    my @bad = grep { !defined $allow || $_ !~ $allow }
        $self->log_lines(qr/\[(?:alert|emerg|crit)\]|exited on signal/);

    Test::More::ok(!@bad, 'nginx ended without alert, crit or emerg')
        or Test::More::diag(join "\n", splice @bad, 0, 20);

    $self->check_valgrind if $ENV{CR_VALGRIND};
    $self->check_asan if $ENV{CR_ASAN};
}


sub check_valgrind {
    my ($self) = @_;

    for my $file (glob "$self->{dir}/valgrind.*") {
        my $text = CR::slurp($file);
        my ($errors) = $text =~ /ERROR SUMMARY: (\d+) errors/;

        # One that the test has killed leaves no summary.
        $errors //= () = $text =~ /^==\d+==\ (?:Invalid|Mismatched|Conditional
            |Use\ of|Syscall\ param|Source\ and|Jump|Process\ terminating)/mgx;

        # Another nginx of the same directory is judged by its own log.
        (my $judged = $file) =~ s{/valgrind\.([^/]*)$}{/judged.$1};
        rename $file, $judged or die "$file: $!\n";

        Test::More::is($errors, 0, 'valgrind: no errors')
            or Test::More::diag(substr $text, 0, 8000);

        my @leaks = grep { /definitely lost in/ && /cartrecover|\bcr_\w/ }
            split /^==\d+== $/m, $text;

        Test::More::is(scalar @leaks, 0, 'valgrind: no leak of ours')
            or Test::More::diag(join '', @leaks);
    }
}


sub check_asan {
    my ($self) = @_;

    my @reports = glob "$self->{dir}/asan.*";

    Test::More::is(scalar @reports, 0, 'AddressSanitizer: no report')
        or Test::More::diag(join '', map { CR::slurp($_) } @reports);
}


1;
