#!/usr/bin/perl

# Recorded traffic of real shops through nginx: each recorded request is sent
# as it was, a replaying origin gives the recorded answer, and what the module
# made of it is compared with the recording's labels and totals.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;
use CRPage;
use CRReplay;

my $dir = need_shared('captures');


replay($_) for files();

done_testing();


sub replay {
    my ($file) = @_;

    my @all = capture($dir, $file->{name});
    my $redis = redis_start();
    my $origin = origin_start(sub { recorded($all[$_[0]{h}{'x-replay'} - 1]) },
        log => 0);
    my $nginx = front($file, $redis, $origin);

    my $bad = walk($file, $nginx->port, $redis, @all);
    is($bad, 0, "$file->{name}: every page came through as the shop sent it");

    my %event = events($nginx->dir . '/events.log', scalar @all);

    is(scalar keys %event, scalar @all, "$file->{name}: all are in the log");

    judge($file, \%event, @all);
    arrived($file, $redis);

    $nginx->stop;
    $redis->stop;
    $origin->stop;
}


sub front {
    my ($file, $redis, $origin) = @_;

    my $policy = policy_file(tmpdir() . '/policy.json',
        shop => { id => $file->{name}, currency => $file->{currency} });

    return nginx_start(redis => $redis, http => <<'END', server => <<END);
    log_format events '$http_x_replay $cartrecover_event '
                      '$cartrecover_stage $cartrecover_value';
END
        cartrecover on;
        cartrecover_shop $policy;
        cartrecover_profile $file->{profile};
        cartrecover_consent assume;
        access_log %%DIR%%/events.log events;
        location / {
            proxy_pass http://127.0.0.1:$origin->{port};
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
        }
END
}


# A recorded answer, framed as it was: by its length or in chunks.

sub recorded {
    my ($x) = @_;

    my (@headers, $length);

    for my $h (@{ $x->{response_headers} }) {
        $length = 1 if lc $h->[0] eq 'content-length';
        next if $h->[0] =~ /^(?:connection|keep-alive|transfer-encoding
                                |content-length)$/ix;
        push @headers, @$h;
    }

    return { status => $x->{status}, headers => \@headers,
        body => $x->{response_body}, piece => 1400,
        mode => $length ? 'length' : 'chunked' };
}


# Sends all requests; the number of answers that differ by more than the tag.

sub walk {
    my ($file, $port, $redis, @all) = @_;

    my $keeps = grep { lc $_->[0] eq 'cookie' }
        map { @{ $_->{request_headers} } } @all;
    my ($bad, $sid) = (0);

    for my $x (@all) {
        cart_arrived($file, $redis) if $x->{label} eq 'order_placed';

        my @headers = ('X-Replay', $x->{n}, map { @$_ }
            grep { $_->[0] !~ /^(?:connection|content-length)$/i }
            @{ $x->{request_headers} });

        @headers = with_cookie($sid, @headers) if $keeps && $sid;

        my $res = http($port, $x->{method}, $x->{url}, headers => \@headers,
            defined $x->{request_body} ? (body => $x->{request_body}) : ());

        $sid = $res->cookie('cr_sid') // $sid;
        next if same($res, $x);
        $bad++;
        diag("$x->{n} $x->{label} $x->{method} $x->{url}: status ",
            $res->status, ", ", length $res->body, ' bytes');
    }

    return $bad;
}


# The recorded cookies and ours, as one browser would send them.

sub with_cookie {
    my ($sid, @headers) = @_;

    for my $i (0 .. $#headers / 2) {
        if (lc $headers[$i * 2] eq 'cookie') {
            $headers[$i * 2 + 1] .= "; cr_sid=$sid";
            return @headers;
        }
    }

    return (@headers, 'Cookie', "cr_sid=$sid");
}


sub same {
    my ($res, $x) = @_;

    return 0 unless $res->status == $x->{status} && $res->complete;

    my $body = $res->body;
    return 1 if $body eq $x->{response_body};

    my $html = grep { lc $_->[0] eq 'content-type' && $_->[1] =~ m{^text/html} }
        @{ $x->{response_headers} };
    return 0 unless $html && $x->{status} == 200;

    $body =~ s/$TAG// or $body =~ s/ +\z//;

    return $body eq $x->{response_body};
}


sub judge {
    my ($file, $event, @all) = @_;

    my ($seen, $total, $wrong, $orders) = (0, 0, 0, 0);

    for my $x (@all) {
        my $got = ($event->{ $x->{n} } || ['-'])->[0];
        my $verdict = verdict($file->{name}, $x, $got);

        $total++ if $verdict eq 'seen' || $verdict eq 'missed';
        $seen++ if $verdict eq 'seen';
        $wrong++ if $verdict eq 'wrong';
        $orders++ if $got eq 'order'
            && $x->{label} !~ /^(?:order_placed|thank_you)$/;

        diag("$file->{name} $x->{n} $x->{label}: $verdict, is ",
            join('|', truth($file->{name}, $x)) || 'none',
            ", the module says $got: $x->{method} ", substr $x->{url}, 0, 70)
            if $verdict =~ /^(?:missed|wrong)$/;
    }

    diag(sprintf '%s: %d/%d funnel events seen (%.1f %%), %d where none was, '
        . '%d false orders', $file->{name}, $seen, $total,
        100 * $seen / $total, $wrong, $orders);

    cmp_ok($seen, '>=', 0.98 * $total, "$file->{name}: 98 % seen");
    is($wrong, 0, "$file->{name}: no event where none was");
    is($orders, 0, "$file->{name}: no false order");
}


# The entries of one kind, each event once.

sub entries {
    my ($file, $redis, $kind) = @_;
    my %once;

    return map { json_decode($_->[1]{d}) }
        grep { $_->[1]{t} eq $kind && !$once{ $_->[1]{e} }++ }
        @{ $redis->stream("cr:{$file->{name}}:in") };
}


# A cart is state: only the newest is owed, and an order empties it.  So it has
# to be there before the order is placed.

sub cart_arrived {
    my ($file, $redis) = @_;
    my @carts;

    ok(wait_for(sub {
        @carts = entries($file, $redis, 'cart');
        return grep { as_wanted($_, $file->{cart}) } @carts;
    }, 15), "$file->{name}: the cart before the order is in Redis")
        or diag(map { json_encode($_) . "\n" } @carts);
}


# What else the worker will read: a contact, one order.

sub arrived {
    my ($file, $redis) = @_;

    wait_for(sub { entries($file, $redis, 'order')
        && entries($file, $redis, 'contact') }, 15);

    my @orders = entries($file, $redis, 'order');
    my %orders = map { ($_->{id} // '') => $_ } @orders;
    my $want = $file->{order};

    is(scalar @orders, 1, "$file->{name}: one order in Redis");
    is($orders[0]{total}, $want->{total}, "$file->{name}: the order's total");
    is($orders[0]{id}, $want->{id}, "$file->{name}: the order's number")
        if exists $want->{id};
    cmp_ok(scalar(entries($file, $redis, 'contact')), '>=', 1,
        "$file->{name}: the contact is in Redis");

    my @carts = entries($file, $redis, 'cart');

    is(scalar(grep { ($_->{cur} // $file->{currency}) ne $file->{currency} }
        @carts), 0, "$file->{name}: no cart in another currency");
    is(scalar(grep { grep { defined && $_ < 0 } @$_{qw(total sub ship)} }
        @carts), 0, "$file->{name}: no amount under zero");
}


sub as_wanted {
    my ($cart, $want) = @_;

    my %refs = map { $_->{r} => $_->{q} } @{ $cart->{items} || [] };

    return 0 if ($cart->{n} // 0) != $want->{pieces};
    return 0 if $want->{lines} && keys %refs != $want->{lines};

    for my $ref (keys %{ $want->{refs} || {} }) {
        return 0 if ($refs{$ref} // 0) != $want->{refs}{$ref};
    }

    return 1;
}
