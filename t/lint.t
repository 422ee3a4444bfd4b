#!/usr/bin/perl

# What the eye would have to look for in each change: style, sizes, warnings of
# two compilers, cppcheck, syntax of all scripts, state in the library, and
# what must not stand in a public tree.  Each rule is tried on a bad sample.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;

chdir $ROOT or die "$ROOT: $!\n";


my @files = grep { -f && !-l } -d '.git'
    ? split /\n/, `git ls-files -co --exclude-standard`
    : grep { !m{^(?:build/|\.)} } map { s{^\./}{}r } split /\n/, `find . -type f`;
my @c = grep { /\.[ch]$/ } @files;
my @ours = grep { m{^(?:lib|ngx_cartrecover_module|tools)/} } @c;

my $warn = '-std=c11 -Wall -Wextra -Wpointer-arith -Wshadow '
    . '-Wstrict-prototypes -Werror -Ilib -Itools/cartrecoverd';


# Text rules: name, files, sub that gives the findings of one text.

sub lines_matching {
    my ($text, $regex) = @_;

    my $n = 0;

    return map { $_->[0] } grep { $_->[1] =~ $regex }
        map { [ ++$n, $_ ] } split /\n/, $text;
}


sub long_functions {
    my ($text, $max) = @_;

    my ($n, $start, @found) = (0);

    for (split /\n/, $text) {
        $n++;
        $start = $n if /^\{/;
        if (/^\}/ && defined $start) {
            push @found, $start if $n - $start > $max;
            undef $start;
        }
    }

    return @found;
}


# Comments and strings blanked, so that "//" in a URL is none.

sub bare {
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}
              {$1 =~ s/[^\n]/ /gr}gse;

    return $text;
}


my $left = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X', 'HA' . 'CK';
my $registry = join '|', map { quotemeta } 'registry.npm' . 'js.org',
    'deb.debian' . '.org', 'pypi' . '.org', 'files.pythonhosted' . '.org';

my @rules = (
    [ 'no line over 80 columns', \@c, 'x' x 81,
      sub { lines_matching($_[0], qr/^.{81}/) } ],
    [ 'no tabs', \@c, "\tx", sub { lines_matching($_[0], qr/\t/) } ],
    [ 'no space at a line\'s end', [ grep { !m{/corpus/} } @files ], 'x ',
      sub { lines_matching($_[0], qr/[ \t]$/) } ],
    [ 'only /* comments */', \@c, "int x; // y",
      sub { lines_matching(bare($_[0]), qr{//}) } ],
    [ 'no file over 600 lines',
      [ grep { /\.(?:c|h|js|pm|t|sh|py)$/ && !m{/min/} } @files ], "x\n" x 601,
      sub { 600 < (() = $_[0] =~ /\n/g) ? ('end') : () } ],
    [ 'no function over 80 lines', [ grep { /\.c$/ } @c ],
      "x\n{\n" . "y;\n" x 80 . "}\n", sub { long_functions($_[0], 80) } ],
    [ 'nothing left for later', [ grep { !m{/corpus/} } @files ],
      '/* ' . 'TO' . 'DO: later */',
      sub { lines_matching($_[0], qr/\b(?:$left)\b/) } ],
    [ 'no machine paths', [ grep { !m{/corpus/} } @files ],
      'see /ro' . 'ot/x',
      sub { lines_matching($_[0],
          qr{(?:^|[^A-Za-z0-9_.])/(?:work|farm|root|home/\w+)/}) } ],
    [ 'no package registry', \@files, 'http://deb.debian' . '.org/debian',
      sub { lines_matching($_[0], qr/$registry/) } ],
    [ 'lib/ knows no nginx', [ grep { m{^lib/} } @c ], 'ngx_str_t s;',
      sub { lines_matching(bare($_[0]), qr/\bngx_|#include <ngx/) } ],
    [ 'lib/ does no I/O', [ grep { m{^lib/} } @c ], 'printf("x");',
      sub { lines_matching(bare($_[0]), qr/\b(?:f?printf|fopen|fwrite|fread
          |open|read|write|send|recv|socket|connect|getenv|time
          |gettimeofday|clock_gettime)\s*\(/x) } ],
    [ 'ngx_config.h comes first',
      [ grep { m{^ngx_cartrecover_module/.*\.c$} } @c ],
      "#include <stdio.h>\n#include <ngx_config.h>\n",
      sub { my ($first) = $_[0] =~ /^#include [<"](.*?)[>"]/m;
            ($first // '') =~ /^ngx_(?:config|http_cartrecover_\w+)\.h$/
                ? () : ('first include') } ],
);

for my $rule (@rules) {
    my ($name, $where, $bad, $find) = @$rule;

    my @found;
    for my $file (@$where) {
        my $text = slurp($file);
        next if $text =~ /\0/;
        push @found, map { "$file:$_" } $find->($text);
    }

    ok(!@found, "$name (" . @$where . ' files)')
        or diag(join "\n", splice @found, 0, 25);
    ok(scalar $find->("$bad\n"), "control: $name");
}


# Compilers.  gcc has built the module already, by nginx's own flags.

sub compile {
    my ($compiler, @sources) = @_;

    my $opt = ref $sources[-1] ? pop @sources : {};
    my ($code, $out, $err) = run_command('sh', '-c', "$compiler "
        . ($opt->{flags} // $warn) . ' -O1 -fsyntax-only '
        . join(' ', @sources), $opt);

    return $code == 0 ? undef : $err;
}

my @programs = grep { m{^(?:lib|tools)/.*\.c$} } @c;
my $dir = tmpdir();

spew("$dir/bad.c", "int f(int a);\nint f(int a) { int b; return 0; }\n");

for my $compiler ('gcc', 'clang') {
    SKIP: {
        skip "no $compiler", 2 unless grep { -x "$_/$compiler" }
            split /:/, $ENV{PATH};
        is(compile($compiler, @programs), undef, "$compiler: no warning");
        isnt(compile($compiler, "$dir/bad.c"), undef,
            "control: $compiler warns");
    }
}

SKIP: {
    my $nginx = "$BUILD/nginx/Makefile";
    my $source = $ENV{NGINX_DEV} || '/usr/share/nginx/src';
    skip 'no build of the module, or no clang', 1
        unless -e $nginx && -d $source && -x '/usr/bin/clang';

    my ($incs) = slurp($nginx) =~ /^ALL_INCS = ((?:.*\\\n)*.*)$/m;
    $incs =~ s/\\\n/ /g;

    is(compile('clang', map({ "$ROOT/$_" }
            grep { m{^ngx_cartrecover_module/.*\.c$} } @c),
        { dir => $source, flags => "$incs -Wall -Wextra -Wpointer-arith "
            . '-Wconditional-uninitialized -Wno-unused-parameter -Werror' }),
        undef, 'clang: no warning in the module');
}

SKIP: {
    skip 'no cppcheck', 2 unless -x '/usr/bin/cppcheck';

    my @cppcheck = ('--enable=warning,performance,portability');
    unshift @cppcheck, qw(cppcheck --quiet --std=c11 --error-exitcode=1
        --inline-suppr -j2 --language=c --suppress=arrayIndexThenCheck
        --suppress=internalAstError
        --suppress=missingIncludeSystem --suppress=varFuncNullUB -Ilib -Itools/cartrecoverd);
    my ($code, $out, $err) = run_command(@cppcheck, @programs);

    is($code, 0, 'cppcheck') or diag($err);

    spew("$dir/leak.c", "#include <stdlib.h>\nint f(void)\n{ char *p = "
        . "malloc(9); p[0] = 1; return p[0]; }\n");
    ($code) = run_command(@cppcheck, "$dir/leak.c");
    isnt($code, 0, 'control: cppcheck sees a leak');
}


# No state in the library: nothing of it may lie in writable sections.

sub writable {
    my ($file) = @_;

    return map { /(\S+)$/ } grep { / [lg].{5}O (?:\.data|\.bss)(?:\.[^r]\S*)?\s/ }
        split /\n/, `objdump -t '$file'`;
}

spew("$dir/state.c", "static int n;\nint f(void);\n"
    . "int f(void)\n{ return n++; }\n");
system 'gcc', '-c', '-o', "$dir/state.o", "$dir/state.c";

SKIP: {
    skip 'the library is not built', 1 unless -e "$BUILD/libcartrecover.a";
    is_deeply([ writable("$BUILD/libcartrecover.a") ], [],
        'lib/ has no state of its own');
}
is_deeply([ writable("$dir/state.o") ], [ 'n' ], 'control: a counter is seen');


# Scripts parse.

my %parse = (
    sh => sub { ('sh', '-n', $_[0]) },
    bash => sub { ('bash', '-n', $_[0]) },
    perl => sub { ('perl', '-It/lib', '-c', $_[0]) },
    python3 => sub { ('python3', '-c',
        'import ast, sys; ast.parse(open(sys.argv[1]).read())', $_[0]) },
    node => sub { ('node', '--check', $_[0]) },
    json => sub { ('perl', '-MJSON::PP', '-0777', '-ne',
        'JSON::PP->new->utf8->decode($_)', $_[0]) },
);
my @unparsed;

for my $file (@files) {
    next if $file =~ m{/corpus/|/fixtures/};
    open my $fh, '<', $file or next;
    my $first = <$fh> // '';
    my ($kind) = $first =~ m{^#!.*?\b(sh|bash|perl|python3)\b};

    $kind //= $file =~ /\.(?:t|pm)$/ ? 'perl' : $file =~ /\.py$/ ? 'python3'
        : $file =~ /\.js$/ ? 'node' : $file =~ /\.json$/ ? 'json' : undef;
    next unless defined $kind;
    next if $kind eq 'node' && !grep { -x "$_/node" } split /:/, $ENV{PATH};

    # Node 18 takes a file for a module by its name only.
    my $as = $kind eq 'node' && slurp($file) =~ /\bimport\.meta\b/
        ? spew("$dir/module.mjs", slurp($file)) : $file;
    my ($code, $out, $err) = run_command($parse{$kind}->($as));
    push @unparsed, "$file: $err" if $code;
}

ok(!@unparsed, 'all scripts and JSON files parse') or diag(@unparsed);


# The front door.

my $readme = slurp('README.md');

for my $command (qw(tools/demo.sh tools/check.sh)) {
    like($readme, qr/^    \Q$command\E$/m, "README shows $command");
    ok(-x $command, "$command can be run");
}

like(slurp('.ci/run'), qr{exec tools/check\.sh$}m, '.ci/run runs check.sh');

for my $link ($readme =~ /\]\(([^)#:]+)\)/g) {
    ok(-e $link, "README's link to $link");
}

my ($version) = slurp('lib/cr_version.h') =~ /CR_VERSION +"(.*)"/;
like(slurp('CHANGELOG.md'), qr/^## \Q$version\E$/m,
    "CHANGELOG knows version $version");

done_testing;
