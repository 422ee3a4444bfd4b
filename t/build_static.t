#!/usr/bin/perl

# The filter order that `config` makes: in the dynamic module as it was built,
# and in static builds of nginx with and without the filters that it is placed
# against.  nginx's source comes from NGINX_SRC or from Debian's mirror.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my $late = 'ngx_http_cartrecover_module';
my $early = 'ngx_http_cartrecover_early_filter_module';


# The names in the list that nginx builds, in its order.

sub names {
    my ($file, $array) = @_;

    my ($list) = slurp($file) =~ /^char \*$array\[\] = \{(.*?)NULL/ms;

    return $list =~ /"(\w+)"/g;
}


sub position {
    my ($name, @list) = @_;

    my @at = grep { $list[$_] eq $name } 0 .. $#list;

    return @at == 1 ? $at[0] : undef;
}


# Late directly in front of the first of gunzip, userid, headers; early behind
# headers and in front of copy.  Returns what is wrong, or nothing.

sub misplaced {
    my (@list) = @_;

    my $l = position($late, @list) // return 'late is not there once';
    my $e = position($early, @list) // return 'early is not there once';
    my ($next) = grep { defined } map { position($_, @list) }
        map { "ngx_http_${_}_filter_module" } qw(gunzip userid headers);

    return "late stands at $l, not in front of $next" if $l != $next - 1;
    return 'early runs behind headers'
        if $e < position('ngx_http_headers_filter_module', @list);
    return 'early runs before copy'
        if $e > position('ngx_http_copy_filter_module', @list);

    for my $name (map { "ngx_http_${_}_filter_module" }
                  qw(gzip sub ssi addition charset postpone)) {
        my $at = position($name, @list);
        return "late runs behind $name" if defined $at && $at > $l;
    }

    return;
}


my @core = map { "ngx_http_${_}_filter_module" }
    qw(gzip postpone ssi sub gunzip userid headers copy range_body);

is(misplaced(@core[0 .. 3], $late, @core[4 .. 6], $early, @core[7, 8]), undef,
    'control: the right order');
like(misplaced(@core[0 .. 6], $late, $early, @core[7, 8]), qr/late stands/,
    'control: the default slot is seen as wrong');
like(misplaced(@core[0 .. 3], $late, $early, @core[4 .. 8]), qr/stands/,
    'control: both side by side too');


# The dynamic module carries an order list; nginx takes the first name that
# it knows, for each of its modules.

my $dynamic = "$BUILD/nginx/${late}_modules.c";

SKIP: {
    skip "$dynamic is not there: no dynamic build", 3 unless -e $dynamic;

    my @order = names($dynamic, 'ngx_module_order');

    is_deeply([ names($dynamic, 'ngx_module_names') ], [ $late, $early ],
        'dynamic: two modules in one object');
    is_deeply([ @order[0 .. 3] ], [ $late, map { "ngx_http_${_}_filter_module" }
        qw(gunzip userid headers) ], 'dynamic: late in front of gunzip');
    is_deeply([ @order[4, 5] ], [ $early, 'ngx_http_copy_filter_module' ],
        'dynamic: early in front of copy');
}


my ($source) = grep { -d "$_/src/http/modules" }
    grep { defined } $ENV{NGINX_SRC}, glob "$ROOT/build/nginx-source/nginx-*";

if (!$source) {
    run_command("$ROOT/tools/setup.sh", 'nginx-source',
        "$ROOT/build/nginx-source", { timeout => 120 });
    ($source) = grep { -d "$_/src/http/modules" }
        glob "$ROOT/build/nginx-source/nginx-*";
}

SKIP: {
    skip "nginx's source cannot be had (NGINX_SRC=dir)", 6 unless $source;

    # configure writes into the tree that it runs in.
    my $dir = tmpdir();
    run_command('cp', '-a', $source, "$dir/nginx");
    my $configure = -f "$dir/nginx/configure" ? './configure'
        : 'auto/configure';

    my %builds = (
        'all filters' => [ qw(--with-http_sub_module
            --with-http_gunzip_module --with-http_addition_module) ],
        'no gunzip' => [ '--with-http_sub_module' ],
        'no userid' => [ '--without-http_userid_module' ],
    );

    for my $name (sort keys %builds) {
        my ($code, $out, $err) = run_command($configure, @{ $builds{$name} },
            "--builddir=$dir/objs", '--with-pcre-jit', "--add-module=$ROOT",
            { dir => "$dir/nginx" });

        is($code, 0, "static, $name: configured")
            or diag(substr $out . $err, -2000);
        is(misplaced(names("$dir/objs/ngx_modules.c", 'ngx_module_names')),
            undef, "static, $name: the order");
    }
}

done_testing;
