#!/usr/bin/perl

# Request bodies as they pass by: read in every way that they can come, within
# the first 16 KB, and never changed, delayed, kept on disk or read where the
# shop does not read them.  The sign is the event: an update of a cart line to
# no pieces is a removal, which only the body says.

use strict;
use warnings;

use Compress::Zlib ();
use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use CR;
use CRPage;

my $curl = need_program('curl');
my $origin = origin_start(sub {
    my ($req) = @_;
    return { status => 404 } if $req->{path} =~ /missing/;
    return { status => 302, headers => ['Location', '/cart',
        'X-Got', length($req->{body}) . '.' . unpack '%32C*', $req->{body}] };
}, log => 0);
my $nginx = front();
my $port = $nginx->port;
my $form = 'sku=MUG&qty=0';
my $n = 0;
my @want;

ways();
bounds();
types();
places();
expect();

my %got = events($nginx->dir . '/events.log', $n);
is($got{ $_->[0] }[0], $_->[1], $_->[2]) for @want;
is_deeply([grep { -f } glob $nginx->dir . '/temp_client_body/*'], [],
    'no body stays on disk');

$nginx->stop;
$origin->stop;

done_testing();


sub front {
    my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";
    my $on = <<END;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        access_log %%DIR%%/events.log events;
END
    my %servers = (
        unbuffered => "location / { $proxy proxy_request_buffering off; }",
        return => 'location / { return 302 /cart; }',
        named => 'location / { try_files /none @shop; }'
            . "location \@shop { $proxy }",
        again => 'location / { ' . $proxy . ' proxy_intercept_errors on; '
            . 'error_page 404 = @again; rewrite ^ /missing break; }'
            . "location \@again { rewrite ^ /cart/update break; $proxy }",
        h2 => "location / { $proxy }",
        h2_unbuffered => "location / { $proxy proxy_request_buffering off; }",
    );

    return nginx_start(http => <<END, server => "$on location / { $proxy }",
    log_format events '\$http_x_n \$cartrecover_event';
    proxy_http_version 1.1;
    client_max_body_size 8m;
    client_body_buffer_size 1k;
END
        servers => [map { "server { listen 127.0.0.1:%%PORT_$_%%"
            . (/^h2/ ? ' http2' : '') . ";\n$on$servers{$_} }" }
            sort keys %servers]);
}


# Sends it, tests that the storefront got it byte for byte, and notes which
# event the log must have.

sub post {
    my ($event, $name, $path, $body, %o) = @_;
    my $whole = join '', ref $body ? @$body : $body;
    my $res = http($o{at} ? $nginx->port($o{at}) : $port, POST => $path,
        body => $body, pause => $o{pause},
        headers => ['X-N', ++$n, @{ $o{headers} || [] }]);

    push @want, [$n, $event, "$name: $event"];
    is($res->status, $o{status} // 302, "$name: the answer");
    is($res->header('X-Got'), length($whole) . '.' . unpack('%32C*', $whole),
        "$name: the storefront gets every byte") unless $o{unread};
}


sub chunked {
    my (@parts) = @_;

    return [map({ sprintf "%x\r\n%s\r\n", length, $_ } @parts), "0\r\n\r\n"];
}


sub ways {
    my $late = $form . '&note=' . 'x' x 3_000_000;

    for my $at (undef, 'unbuffered') {
        my $path = '/cart/update';
        my $way = $at ? ", $at" : '';

        post('remove', "form$way", $path, $form, at => $at);
        post('update', "form$way with pieces", $path, 'sku=MUG&qty=2',
            at => $at);
        post('remove', "3 MB$way", $path, $late, at => $at);
        post('remove', "in parts$way", $path,
            [split //, $form], pause => 0.01, at => $at);

        my $parts = chunked('sku=M', 'UG&q', 'ty=0');
        my $res = http($at ? $nginx->port($at) : $port, POST => $path, body => $parts, pause => 0.02,
            headers => ['X-N', ++$n, 'Transfer-Encoding', 'chunked']);
        push @want, [$n, 'remove', "chunked$way: remove"];
        is($res->header('X-Got'), length($form) . '.'
            . unpack('%32C*', $form), "chunked$way: the same for the shop");

        my ($code, $out) = run_command($curl, '-sS', '-i',
            '--http2-prior-knowledge', '-H', 'X-N: ' . ++$n, '-d', $form,
            'http://127.0.0.1:' . $nginx->port($at ? 'h2_unbuffered' : 'h2')
                . $path);
        push @want, [$n, 'remove', "HTTP/2$way: remove"];
        like($out, qr/^x-got: \Q@{[length $form]}.@{[unpack '%32C*', $form]}\E/m,
            "HTTP/2$way: the same for the shop");
    }
}


# What stands behind the first 16 KB is not read.

sub bounds {
    post('remove', 'just within 16 KB', '/cart/update',
        'note=' . 'x' x (16384 - 6 - length $form) . "&$form");
    post('update', 'behind 16 KB', '/cart/update',
        'note=' . 'x' x 16384 . "&$form");
    post('update', 'no body', '/cart/update', '');
}


sub types {
    my $type = 'Content-Type';
    my $mp = join "\r\n", '--b', 'Content-Disposition: form-data; name="sku"',
        '', 'MUG', '--b', 'Content-Disposition: form-data; name="qty"', '',
        '0', '--b', 'Content-Disposition: form-data; name="f"; filename="f"',
        '', 'x' x 100_000, '--b--', '';

    post('remove', 'multipart', '/cart/update', $mp,
        headers => [$type, 'multipart/form-data; boundary=b']);
    post('update', 'a type that nobody asked for', '/cart/update', $form,
        headers => [$type, 'application/octet-stream']);
    post('update', 'a coded body', '/cart/update',
        Compress::Zlib::memGzip($form), headers => ['Content-Encoding',
            'gzip', $type, 'application/x-www-form-urlencoded']);
    post('none', 'a path that means nothing', '/other', $form);
}


# Redirects inside nginx wipe what modules know of a request; a body that
# nobody reads is not read by us.

sub places {
    post('remove', 'a named location', '/cart/update', $form, at => 'named');
    post('remove', 'an error page that is another location', '/cart/update',
        $form, at => 'again');
    post('update', 'return', '/cart/update', $form, at => 'return',
        unread => 1);
}


# The client waits for 100 before it sends its body: nothing of ours asks for
# it sooner or later.

sub expect {
    for my $at (undef, 'unbuffered') {
        my $c = http_client($at ? $nginx->port($at) : $port);
        my $start = time;
        my $way = $at ? ", $at" : '';

        $c->write("POST /cart/update HTTP/1.1\r\nHost: shop.example\r\n"
            . 'X-N: ' . ++$n . "\r\nExpect: 100-continue\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . length($form) . "\r\n\r\n");
        ok(wait_for(sub { $c->fill(0.1); $c->{in} =~ m{^HTTP/1.1 100 } }, 5),
            "Expect$way: 100 comes");
        $c->write($form);
        is($c->response('POST')->status, 302, "Expect$way: and the answer");
        cmp_ok(time - $start, '<', 5, "Expect$way: soon");
        push @want, [$n, 'remove', "Expect$way: remove"];
    }
}
