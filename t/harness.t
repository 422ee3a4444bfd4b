#!/usr/bin/perl

# The test library itself, against nginx without the module: what the other
# tests say is worth something only where these helpers can fail.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use CR;


my $origin = origin_start(sub {
    my ($req) = @_;

    return { body => 'x' x 1000, mode => 'chunked', piece => 7 }
        if $req->{path} eq '/chunked';
    return { body => "n=$req->{n} $req->{body}", piece => 1 }
        if $req->{path} eq '/echo';
    return { body => 'late', before => 0.3 } if $req->{path} eq '/late';
    return { body => 'slow', piece => 1, delay => 0.05, mode => 'close' }
        if $req->{path} eq '/slow';
    return { body => 'y' x 5000, gzip => 1 } if $req->{path} eq '/gzip';
    return { raw => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort" }
        if $req->{path} eq '/short';
    return { status => 404, headers => [ 'X-B' => 2, 'X-A' => 1 ] };
});

my $nginx = nginx_start(module => 0, server => '
    location / {
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass http://127.0.0.1:' . $origin->port . ';
    }
    location = /own { return 200 "own\n"; }
');

my $port = $nginx->port;
my $res = http($port, GET => '/own');

is($res->status, 200, 'status');
is($res->body, "own\n", 'body');
is($res->header('content-length'), 4, 'a header by any case');

$res = http($port, GET => '/chunked');
is($res->body, 'x' x 1000, 'chunks are joined');
like($res->raw_body, qr/^[0-9a-f]+\r\n.*\r\n0\r\n\r\n$/s, 'and kept');

my $c = http_client($port);
$res = $c->request(POST => '/echo', body => [ 'a=1', '&b=2' ], pause => 0.01);
like($res->body, qr/^n=\d+ a=1&b=2$/, 'a body in pieces');
$res = $c->request(GET => '/own');
is($res->body, "own\n", 'the same connection again');
is($c->extra, '', 'nothing behind the answer');

my $t = time;
is(http($port, GET => '/late')->body, 'late', 'an answer that starts late');
cmp_ok(time - $t, '>=', 0.29, 'did start late');
is(http($origin->port, GET => '/slow')->body, 'slow', 'byte by byte');
is(http($port, GET => '/gzip')->gunzip, 'y' x 5000, 'gzip');
ok(!http($origin->port, GET => '/short')->complete,
    'a body that is too short is not complete');

$res = http($port, GET => '/none');
is_deeply([ grep { /^X-/ } $res->names ], [ 'X-B', 'X-A' ],
    'headers in their order');
like(http_raw($port, "GET /own HTTP/1.0\r\n\r\n"), qr{^HTTP/1.1 200 },
    'raw bytes');

my @seen = $origin->requests;
is($seen[1]{body}, 'a=1&b=2', 'the origin tells what it received');
is(scalar @seen, 7, 'and how often');

my @before = $nginx->workers;
is(scalar @before, 1, 'one worker');
ok($nginx->reload, 'reload');

SKIP: {
    skip 'one process', 1 if $ENV{CR_VALGRIND};
    isnt(($nginx->workers)[0], $before[0], 'a new worker');
}

$nginx->stop;

my ($code, $said) = nginx_test(module => 0, server => 'nonsense;');
isnt($code, 0, 'nginx -t refuses nonsense');
like($said, qr/unknown directive "nonsense"/, 'and says why');

# The control: a critical line fails the clean end.

my $dirty = nginx_start(module => 0, server => 'root %%DIR%%;
    location /deny { alias %%DIR%%/deny/; }', files => { x => '' });
CR::spew($dirty->{error_log}, "x [crit] 1#1: made up\n");
{
    my $tb = Test::More->builder;
    my $sub_ok = 1;
    no warnings 'redefine';
    local *Test::More::ok = sub ($;$) { $sub_ok = $_[0]; 1 };
    local *Test::More::diag = sub { };
    $dirty->stop;
    $tb->ok(!$sub_ok, 'control: a critical line in the log is seen');
}

my $redis = redis_start(appendfsync => 'always');
$redis->cmd('SET', 'k', "a\r\nb");
is($redis->cmd('GET', 'k'), "a\r\nb", 'Redis: any bytes');
is($redis->cmd('GET', 'none'), undef, 'nil');
is_deeply($redis->cmd('MGET', 'k', 'none'), [ "a\r\nb", undef ], 'arrays');
ok(!eval { $redis->cmd('HGET', 'k', 'f') }, 'an error reply dies');
like($@, qr/WRONGTYPE/, 'with its text');
is(redis_cmd($redis->sock, 'PING'), 'PONG', 'by the socket alone');
$redis->kill9;
ok(!eval { $redis->cmd('PING') }, 'killed');
$redis->start;
is($redis->cmd('GET', 'k'), "a\r\nb", 'the append-only file is read back');
$redis->stop;

ok(!wait_for(sub { 0 }, 0.05), 'wait_for gives up');
my ($status, $out) = run_command('sh', '-c', 'echo a; exit 3');
is("$status $out", "3 a\n", 'a command');

done_testing;
