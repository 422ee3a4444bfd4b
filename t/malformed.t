#!/usr/bin/perl

# Requests that nginx refuses before it has parsed them pass through our
# filters and variables too: an answer or a closed connection, never a worker's
# death.

use strict;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $origin = origin_start(sub { return { status => 200,
    headers => ['Content-Type', 'text/html'],
    body => '<!doctype html><html><head></head><body>' . 'x' x 200 } },
    log => 0);

my $dir = tmpdir();
policy_file("$dir/policy.json",
    exclude => { paths => ['/wp-admin', '/b2b'], emails => ['@ours.example'] });

my $nginx = nginx_start(workers => 2, server => <<END);
        cartrecover on;
        cartrecover_shop $dir/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        add_header X-All "\$cartrecover_sid \$cartrecover_event \$cartrecover_stage \$cartrecover_value \$cartrecover_score \$cartrecover_reason \$cartrecover_arm \$cartrecover_skip" always;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
        location /wp-admin { proxy_pass http://127.0.0.1:$origin->{port}; }
END

my $long = '/a' x 9000;
my @bad = (
    "GARBAGE\r\n\r\n",
    "\x16\x03\x01\0\0\0\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET $long HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /% HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /\xff HTTP/1.0\r\nCookie: cr_sid=\xff; cr_sid; =; ;\r\n\r\n",
    "GET http://x/cart?%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /_cr/e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "zz\r\n",
    "POST /cart/add HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /_cr/u/%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "GET",
);

wait_for(sub { my @workers = $nginx->workers; @workers == 2 }, 10);
my @before = sort $nginx->workers;

for my $text (@bad) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $nginx->port, Proto => 'tcp');
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { };

    print {$s} $text;
    shutdown $s, 1;

    alarm 3;
    my $got = sysread $s, my $answer, 4096;
    alarm 0;

    (my $name = substr $text, 0, 32) =~ s/[^ -~]/./g;
    ok(http($nginx->port, GET => '/p/lamp')->status == 200,
        "the next shopper is served after: $name");
}

is_deeply([sort $nginx->workers], \@before, 'no worker died');
is(http($nginx->port, GET => '/wp-admin/x')->header('X-All') =~ /bypass$/, 1,
    'an excluded path is left alone');

$nginx->stop;
$origin->stop;
done_testing();
