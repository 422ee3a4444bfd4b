package CR::Redis;

# A private redis-server on a unix socket, and a client that speaks RESP.

use strict;
use warnings;

use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM SOL_SOCKET SO_RCVTIMEO);

use CR ();


# Options: appendonly (yes), appendfsync (everysec), dir, extra [...].

sub CR::redis_start {
    my (%o) = @_;

    my $self = bless {
        dir => $o{dir} // CR::tmpdir(), appendonly => $o{appendonly} // 'yes',
        appendfsync => $o{appendfsync} // 'everysec', extra => $o{extra} || [],
    }, __PACKAGE__;

    $self->{sock} = "$self->{dir}/redis.sock";

    return $self->start;
}


sub start {
    my ($self) = @_;

    $self->{pid} = CR::start_process(CR::need_program('redis-server'),
        '--port', 0, '--unixsocket', $self->{sock}, '--unixsocketperm', 777,
        '--dir', $self->{dir}, '--save', '', '--daemonize', 'no',
        '--appendonly', $self->{appendonly},
        '--appendfsync', $self->{appendfsync}, @{ $self->{extra} },
        { stdout => "$self->{dir}/redis.log",
          stderr => "$self->{dir}/redis.log" });

    CR::wait_for(sub { eval { $self->cmd('PING') eq 'PONG' } }, 20)
        or die "redis-server does not answer:\n"
            . CR::slurp("$self->{dir}/redis.log");

    return $self;
}


sub sock { return $_[0]{sock} }
sub pid  { return $_[0]{pid} }


sub stop {
    my ($self) = @_;

    delete $self->{client};

    return CR::stop_process($self->{pid}, 'TERM');
}


sub kill9 {
    my ($self) = @_;

    delete $self->{client};

    return CR::stop_process($self->{pid}, 'KILL');
}


# One command; dies on an error reply and on a lost connection.

sub cmd {
    my ($self, @args) = @_;

    my ($value, $error) = $self->try_cmd(@args);
    die "redis: $error\n" if defined $error;

    return $value;
}


# (value, error): exactly one of them, nil is an undefined value.

sub try_cmd {
    my ($self, @args) = @_;

    $self->{client} ||= connection($self->{sock})
        or return (undef, "connect: $!");

    my @result = eval { roundtrip($self->{client}, @args) };

    if ($@) {
        delete $self->{client};
        return (undef, "connection: $@");
    }

    return @result;
}


# A stream's entries as [ id, { field => value } ].

sub stream {
    my ($self, $key, $from) = @_;

    my $rows = $self->cmd('XRANGE', $key, $from // '-', '+');

    return [ map { [ $_->[0], { @{ $_->[1] } } ] } @$rows ];
}


sub hash {
    my ($self, $key) = @_;

    return { @{ $self->cmd('HGETALL', $key) } };
}


sub CR::redis_cmd {
    my ($where, @args) = @_;

    return $where->cmd(@args) if ref $where;

    my $s = connection($where) or die "$where: $!\n";
    my ($value, $error) = roundtrip($s, @args);
    die "redis: $error\n" if defined $error;

    return $value;
}


sub connection {
    my ($path) = @_;

    my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path)
        or return;

    # A hung server ends the test; it does not hang it too.
    setsockopt $s, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 20, 0);

    return $s;
}


sub roundtrip {
    my ($s, @args) = @_;

    my $out = '*' . @args . "\r\n";
    $out .= '$' . length($_) . "\r\n$_\r\n" for @args;

    print $s $out or die "write: $!\n";
    $s->flush;

    return reply($s);
}


sub reply {
    my ($s) = @_;

    local $/ = "\r\n";
    my $line = <$s>;
    die "closed\n" unless defined $line;
    chomp $line;

    my $type = substr $line, 0, 1, '';

    return ($line) if $type eq '+' || $type eq ':';
    return (undef, $line) if $type eq '-';

    if ($type eq '$') {
        return (undef) if $line < 0;
        read($s, my $data, $line + 2) == $line + 2 or die "closed\n";
        return (substr $data, 0, $line);
    }

    if ($type eq '*') {
        return (undef) if $line < 0;
        my @list;
        for (1 .. $line) {
            my ($value, $error) = reply($s);
            push @list, defined $error ? "-$error" : $value;
        }
        return (\@list);
    }

    die "unexpected reply: $type$line\n";
}


1;
