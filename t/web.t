#!/usr/bin/perl

use strict;
use warnings;

# The browser scripts as they are committed: what the minifier makes of the
# sources, within their budget, without what a shop must never get from us.

use File::Copy qw(copy);
use File::Find qw(find);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;

my $WEB    = "$ROOT/ngx_cartrecover_module/web";
my $BUDGET = 2560;

# The longest call that nginx writes behind b.js.
my $CALL = '({"g":1,"c":["cookieyes-consent","analytics:yes"],"z":['
    . '"#shipping-method",".order-total","#payment",".coupon",".trust"]});';

my %forbidden = (
    'browser storage'    => qr/\b(?:local|session)Storage\b|\bindexedDB\b/,
    'cookies written'    => qr/\bcookie\s*=[^=]/,
    'unload handlers'    => qr/\b(?:before)?unload\b/,
    'HTML from strings'  =>
        qr/\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write/,
    'code from strings'  => qr/\beval\b|\bnew\s+Function\b/,
    'the history'        => qr/\bhistory\b|\bpushState\b/,
    'the focus'          => qr/\.focus\(/,
    'the clipboard'      => qr/\bclipboard|\bexecCommand\b/,
    'keys'               => qr/\bkey(?:down|up|press)\b/,
    'fingerprints'       => qr/\buserAgent\b|\bcanvas\b|\bplugins\b/,
    'other origins'      => qr{https?://},
);

sub gzip_size {
    my ($text) = @_;
    my $file = tmpdir() . '/gz';

    spew($file, $text);
    my $size = `gzip -9 -n < '$file' | wc -c`;
    chomp $size;

    return $size;
}

sub installed {
    my ($name) = @_;

    return grep { -x "$_/$name" } split /:/, $ENV{PATH};
}

sub without_comments {
    my ($text) = @_;

    $text =~ s{/\*.*?\*/}{}gs;

    return $text;
}

sub finds {
    my ($text) = @_;

    return sort grep { $text =~ $forbidden{$_} } keys %forbidden;
}


my %source = map { $_ => slurp("$WEB/$_") } qw(b.js g.js r.js);
my %min    = map { $_ => slurp("$WEB/min/$_") } qw(b.js g.js r.js);

# budget

my $b = $min{'b.js'};
$b =~ s/\n\z//;

my $size = gzip_size($b . $CALL);
cmp_ok($size, '<=', $BUDGET, "b.js and its call by gzip -9: $size bytes");
cmp_ok(gzip_size($b . $min{'g.js'} . $CALL), '>', $BUDGET,
    'control: with g.js in it the budget is broken');

like($b, qr/\A\(.*\)\z/s, 'b.js is one expression in parentheses');
unlike($b, qr/;\s*\)?\z/, 'and ends without a semicolon');

SKIP: {
    skip 'node is not installed', 3 unless installed('node');

    my $file = tmpdir() . '/b.js';
    spew($file, "const f = $b; console.log(typeof f, f.length)");
    is(`node '$file'`, "function 1\n", 'a function of one parameter');

    spew($file, "$min{'b.js'}$CALL");
    is(system("node --check '$file' 2> /dev/null"), 0,
        'the call behind it parses');
    spew($file, "$min{'b.js'};$CALL)");
    isnt(system("node --check '$file' 2> /dev/null"), 0,
        'control: what does not parse is noticed');
}

# what never may be in them

for my $name (sort keys %source) {
    is_deeply([finds(without_comments($source{$name}))], [],
        "$name: nothing forbidden");
    is_deeply([finds($min{$name})], [], "min/$name: nothing forbidden");
}

for my $bad (
    ['browser storage',   'localStorage.x = 1'],
    ['cookies written',   'd.cookie="a=b"'],
    ['unload handlers',   'on(w, "beforeunload")'],
    ['HTML from strings', 'e.innerHTML = s'],
    ['code from strings', 'eval(s)'],
    ['the history',       'history.pushState()'],
    ['the focus',         'e.focus()'],
    ['the clipboard',     'navigator.clipboard.readText()'],
    ['keys',              'on(d, "keydown")'],
    ['fingerprints',      'navigator.userAgent'],
    ['other origins',     'fetch("https://other.example/")'],
) {
    ok((grep { $_ eq $bad->[0] } finds($bad->[1])),
        "control: $bad->[0] would be seen");
}

# strings of our own pages

my $en = json_decode(slurp("$ROOT/conf/messages/en.json"));

for my $file (glob "$ROOT/conf/messages/*.json") {
    my ($locale) = $file =~ m{([^/]+)\.json$};
    my $texts = json_decode(slurp($file));

    is_deeply([sort keys %$texts], [sort keys %$en],
        "messages/$locale: the same strings as en");
    is_deeply([grep { !length || length > 160 || /[<>&\d]/ } values %$texts],
        [], "messages/$locale: plain text without numbers");
}

# the lock file names no registry

my $lock = slurp("$ROOT/tools/web/package-lock.json");
unlike($lock, qr{"resolved"|https?://(?!.*opencollective|.*github)},
    'the lock file names no registry');
like($lock, qr/"integrity": "sha512-/, 'but what must come from it');

# the committed files are what the minifier makes

SKIP: {
    skip 'npm is not installed: the minified files are not made anew', 2
        unless installed('npm');

    my $tree = tmpdir();

    for my $dir (qw(tools tools/web ngx_cartrecover_module
                    ngx_cartrecover_module/web ngx_cartrecover_module/web/min))
    {
        mkdir "$tree/$dir" or die "$dir: $!";
    }

    for my $dir (qw(tools/web ngx_cartrecover_module/web
                    ngx_cartrecover_module/web/min))
    {
        for my $file (grep { -f } glob "$ROOT/$dir/*") {
            copy($file, "$tree/$dir") or die "$file: $!";
        }
    }

    chmod 0755, "$tree/tools/web/build.sh";

    my $said = `'$tree/tools/web/build.sh' --check 2>&1`;

    if ($? != 0 && !-d "$tree/build/web-tools/node_modules") {
        skip "npm could not install the minifier: $said", 2;
    }

    is($?, 0, 'make web gives the committed files') or diag $said;

    spew("$tree/ngx_cartrecover_module/web/r.js", "$source{'r.js'}\nalert(1);");
    system("'$tree/tools/web/build.sh' --check > /dev/null 2>&1");
    isnt($?, 0, 'control: a changed source is noticed');
}

done_testing();
