#!/usr/bin/perl

# nginx's build script and what it builds from: the embedded files byte for
# byte, a clear word when a library is missing, nothing written outside of
# build/, and a module that this nginx loads.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my $dir = tmpdir();
my $embed = "$ROOT/tools/embed.sh";


# --- embed.sh -----------------------------------------------------------------

my $bytes = join '', map { chr } 0 .. 255;

spew("$dir/bytes", $bytes);
spew("$dir/head", "common\n");
spew("$dir/empty", '');
spew("$dir/b.js", "(p=>{})\n");

my @assets = ("x/bytes=$dir/bytes", "lua/a.lua=$dir/head+$dir/bytes",
    "x/empty=$dir/empty", "web/b.js=$dir/b.js");

sub embed {
    my ($out, @list) = @_;

    my ($code, undef, $err) = run_command($embed, $out, @list);

    return ($code, $err);
}

# What the compiled table says: name => bytes, by a program that prints it.

sub table {
    my ($source) = @_;

    spew("$dir/print.c", <<'END');
#include <stdio.h>
#include "cr_asset.h"
int
main(void)
{
    const cr_asset_t  *a;
    size_t             i;

    for (a = cr_assets; a->name != NULL; a++) {
        printf("%s %d ", a->name, a->data[a->size]);
        for (i = 0; i < a->size; i++) {
            printf("%02x", a->data[i]);
        }
        printf("\n");
    }
    return 0;
}
END
    my ($code, undef, $err) = run_command('gcc', '-Wall', '-Wextra', '-Werror',
        '-std=c11', '-fsanitize=address', "-I$ROOT/lib", '-o', "$dir/print",
        "$dir/print.c", $source);
    die $err if $code;

    my ($run, $out) = run_command("$dir/print");
    die "print: $run\n" if $run;

    my %table;
    for (split /\n/, $out) {
        my ($name, $end, $hex) = split / /, $_, 3;
        die "$name does not end in NUL\n" if $end ne '0';
        $table{$name} = pack 'H*', $hex;
    }

    return \%table;
}

my ($code, $err) = embed("$dir/a.c", @assets);
is($code, 0, 'embed.sh') or diag($err);

my $table = table("$dir/a.c");

is($table->{'x/bytes'}, $bytes, 'all bytes');
is($table->{'lua/a.lua'}, "common\n$bytes", 'files joined');
is($table->{'x/empty'}, '', 'an empty file');
is($table->{'web/hash'},
    substr(sha256_hex("web/b.js\n(p=>{})\n"), 0, 8), 'the hash of web/');

my $before = (stat "$dir/a.c")[1];
embed("$dir/a.c", @assets);
is((stat "$dir/a.c")[1], $before, 'the same content leaves the file alone');

spew("$dir/b.js", "(q=>{})\n");
embed("$dir/a.c", @assets);
isnt(table("$dir/a.c")->{'web/hash'}, $table->{'web/hash'},
    'another script has another hash');

($code, $err) = embed("$dir/none.c", "x=$dir/missing");
isnt($code, 0, 'a missing file is an error');
ok(!-e "$dir/none.c", 'and leaves no half table');

($code, $err) = embed("$dir/own.c");
is($code, 0, "the repository's own assets") or diag($err);
$table = table("$dir/own.c");

for my $file (glob("$ROOT/conf/platforms/*.json"),
              glob("$ROOT/conf/messages/*.json"),
              glob("$ROOT/conf/consent/*.json")) {
    my ($name) = $file =~ m{conf/(.*)$};
    is($table->{$name}, slurp($file), $name);
}

for my $file (glob "$ROOT/ngx_cartrecover_module/web/min/*") {
    my ($name) = $file =~ m{min/(.*)$};
    is($table->{"web/$name"}, slurp($file), "web/$name");
}

for my $file (grep { !/common\.lua$/ } glob "$ROOT/lib/lua/*.lua") {
    my ($name) = $file =~ m{lua/(.*)$};
    is($table->{"lua/$name"}, slurp("$ROOT/lib/lua/common.lua") . slurp($file),
        "lua/$name behind common.lua");
}

unlike(slurp("$dir/own.c"), qr{\Q$ROOT\E}, 'no path of this machine in it');


# --- config -------------------------------------------------------------------

my $nginx_dev = $ENV{NGINX_DEV} || '/usr/share/nginx/src';

SKIP: {
    skip 'no nginx-dev', 5 unless -f "$nginx_dev/conf_flags";

    # A compiler that knows neither hiredis nor jansson.
    spew("$dir/cc", <<'END', 0755);
#!/bin/sh
case "$*" in *-lhiredis* | *-ljansson*) exit 1 ;; esac
exec gcc "$@"
END
    spew("$dir/stamp", '');

    my ($status, $out) = run_command('bash', '-c',
        ". $nginx_dev/conf_flags && cd $nginx_dev "
        . '&& ./configure "${NGX_CONF_FLAGS[@]}"'
        . " --with-cc=$dir/cc --builddir=$dir/objs"
        . " --add-dynamic-module=$ROOT 2>&1");

    isnt($status, 0, 'a missing library stops configure');
    like($out, qr/^Debian and Ubuntu have them as: libhiredis-dev libjansson-dev$/m,
        'which names the packages, and only those');
    like($out, qr/checking for PCRE2 \.\.\. found/, 'the others were found');
    ok(!-e "$dir/objs/Makefile", 'no half build');

    my @written = split /\n/, `find $nginx_dev -newer $dir/stamp -type f`;
    is_deeply(\@written, [], "nothing written in nginx's own directory");
}


# --- the module ---------------------------------------------------------------

my $module = "$BUILD/ngx_http_cartrecover_module.so";

ok(-e $module, 'the module is built') or done_testing, exit;

my ($symbols) = (run_command('nm', '-D', '--defined-only', $module))[1];
like($symbols, qr/ ngx_modules$/m, 'it is an nginx module');

my ($libraries) = (run_command('ldd', $module))[1];
unlike($libraries, qr/not found/, 'its libraries are there');
like($libraries, qr/\Q$_\E/, "$_ is linked") for
    qw(libjansson libhiredis libpcre2-8 libz libcrypto);
unlike($libraries, qr/libcurl|libicu/, 'curl and ICU are not');

my ($exit, $said) = nginx_test(zone => '', secret => '',
    server => 'return 204;');
is($exit, 0, 'nginx loads it') or diag($said);
unlike($said, qr/\[(?:warn|emerg)\]/, 'without a warning');

my $own = tmpdir();
my ($twice) = nginx_test(dir => $own, zone => '', secret => '',
    main => "load_module $module;\n", server => 'return 204;');
isnt($twice, 0, 'control: a module that cannot be loaded is an error');

done_testing;
