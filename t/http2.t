#!/usr/bin/perl

# The same over HTTP/2: the announced length is what comes, HEAD says what GET
# would, a cart and a beacon find their session.

use strict;
use warnings;

use Compress::Zlib ();
use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::More;

use CR;

my $curl = need_program('curl');
my $page = '<!doctype html><html><head><title>x</title></head><body>'
    . '<p>card</p>' x 9000 . '</body></html>';

my $origin = origin_start(sub {
    my ($req) = @_;

    return { status => 200, headers => ['Content-Type', 'text/html'],
             body => $page, gzip => $req->{path} =~ m{^/gz} ? 1 : 0,
             mode => $req->{path} =~ /chunked/ ? 'chunked' : 'length',
             piece => $req->{path} =~ /small/ ? 100 : 65536 }
        if $req->{path} !~ m{^/cart};
    return { status => 200, headers => ['Content-Type', 'application/json',
                                        'Cache-Control', 'no-store'],
             body => '{"ok":true,"cart":{"id":"c1","currency":"EUR",'
                     . '"total":29.9,"items":[{"sku":"MUG-BLU","qty":2,'
                     . '"price":14.95}]}}' };
}, log => 0);

my $dir = tmpdir();
my $nginx = nginx_start(workers => 2, servers => <<END);
    server {
        listen 127.0.0.1:%%PORT%% http2;
        server_name shop.example;
        cartrecover on;
        cartrecover_shop %%DIR%%/policy.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_debug on;
        location / { proxy_pass http://127.0.0.1:$origin->{port}; }
    }
END
my $url = 'http://127.0.0.1:' . $nginx->port;


sub h2 {
    my (@args) = @_;

    my ($code, $out) = run_command($curl, '-sS', '--http2-prior-knowledge',
        '-b', "$dir/jar", '-c', "$dir/jar", '-D', "$dir/head", @args);

    is($code, 0, "curl ends well: $args[-1]");

    return ($out, slurp("$dir/head"));
}


my ($body, $head) = h2("$url/");
my ($length) = $head =~ /^content-length: (\d+)/mi;

like($head, qr{^HTTP/2 200}, 'over HTTP/2');
is(length $body, $length, 'the announced length is what comes');
my $tag = qr{<script async src="/_cr/b\.js\?v=[0-9a-f]{8}"></script>};
(my $plain = $body) =~ s/$tag//;
is($plain, $page, 'the tag taken out leaves the page as it was');
isnt($body, $page, 'and it was in');

(undef, $head) = h2('-I', "$url/");
like($head, qr/^content-length: $length\r$/mi, 'HEAD says the same length');

for my $path (qw(/gz /gz_small /gz_chunked /gz_chunked_small)) {
    my ($raw, $first) = h2('-H', 'Accept-Encoding: gzip', "$url$path");
    my ($said) = $first =~ /^content-length: (\d+)/mi;
    my $text = Compress::Zlib::memGunzip(my $copy = $raw);

    is($said, $path =~ /chunked/ ? undef : length $raw,
        "$path: the announced length, if any, is what comes");
    $text =~ s/^<!doctype html>$tag//;
    is($text, $page, "$path: and the page is whole");
    isnt(length $raw, length Compress::Zlib::memGzip($page),
        "$path: spliced") if $path !~ /small/;
}

(undef, $head) = h2('-H', 'Accept: application/json', '-d',
    'sku=MUG-BLU&qty=2', "$url/cart/add");
like($head, qr/^set-cookie: cr_sid=/mi, 'a cart brings the session');

($body, $head) = h2('-H', 'Content-Type: text/plain', '--data',
    '1~-~0~1~' . '.' x 15 . '~0.0~S0', "$url/_cr/e");
like($head, qr{^HTTP/2 204}, 'the beacon is heard');

($body) = h2("$url/_cr/session");
is(json_decode($body)->{cart}{total}, 2990, 'the session has the cart');

$nginx->stop;
$origin->stop;
done_testing();
