#!/usr/bin/perl

# Policies through the command line: the example is right, each kind of mistake
# is told with file, line, path and cure, and templates that press or do not
# say what they must are findings.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;


my $dir = tmpdir();
my $bin = "$BUILD/cartrecover";
my $templates = "$ROOT/conf/templates";

plan skip_all => 'build/cartrecover is not made' unless -x $bin;


sub check {
    my @args = @_;

    my ($code, $out, $err) = run_command($bin, 'check', @args, '--json');
    my @lines = split /\n/, $out;
    my $json = eval { json_decode(pop @lines) } || {};

    return ($code, \@lines, $json, $err);
}

# A policy file of one's own text, and the finding for a path in it.

sub finds {
    my ($name, $text, $path, $line, $cure) = @_;

    my $file = spew("$dir/policy.json", $text);
    my ($code, $lines, $json) = check($file);
    my ($f) = grep { $_->{path} eq $path } @{ $json->{findings} };

    is($code, 1, "$name: exit code 1");
    ok($f && $f->{line} == $line && $f->{text} =~ $cure, "$name: $path, line "
        . "$line") or diag(explain($json->{findings}));
    ok((grep { index($_, "$file:$line: $path: ") == 0 } @$lines),
        "$name: FILE:LINE: PATH: text") or diag(join "\n", @$lines);
}


# --- what is right ------------------------------------------------------------

my ($code, $lines, $json) = check("$ROOT/conf/policy.example.json",
    '--templates', $templates);

is($code, 0, 'the example is a policy');
is_deeply($json->{findings}, [], 'without findings');
like($lines->[0], qr/ok, shop shop-example, mode observe, 3 touches/,
    'and a line says what it is');

($code) = check(policy_file("$dir/least.json"));
is($code, 0, 'the small policy of the tests is one too');


# --- what is wrong ------------------------------------------------------------

my $shop = '"shop": {"id": "a", "currency": "EUR"}';

finds('unknown key', qq({\n$shop,\n"sequnce": []\n}), '$.sequnce', 3,
    qr/did you mean "sequence"\?/);
finds('key in the wrong place', qq({\n$shop,\n"min_gap": "3h"}), '$.min_gap',
    3, qr/belongs into \$\.caps/);
finds('amount', qq({\n$shop,\n"costs": {"free_shipping": 49.9}}),
    '$.costs.free_shipping', 3, qr/4990 for 49\.90/);
finds('unit', qq({\n$shop,\n"abandon": {\n"cart_after": "45"}}),
    '$.abandon.cart_after', 4, qr/one of ms, s, m, h, d/);
finds('channel', qq({$shop, "caps": {"min_gap": "1s"}, "sequence": [\n)
    . qq({"after": "1h", "channel": ["sms"], "purpose": "remind"}]}),
    '$.sequence[0].channel[0]', 2,
    qr/channel sms is not available in this version/);
finds('order of touches', qq({$shop, "sequence": [\n)
    . qq({"after": "9h", "channel": ["email"], "purpose": "remind"},\n)
    . qq({"after": "5h", "channel": ["email"], "purpose": "proof"}]}),
    '$.sequence[1].after', 3, qr/not later than the touch before/);
finds('margin', qq({$shop, "margin": {"default_pct": 30, "floor_pct": 20},\n)
    . qq("offers": {"max_pct": 15}}), '$.offers.max_pct', 2,
    qr/margin of 15 %, less than margin\.floor_pct/);
finds('quiet hours', qq({$shop,\n"caps": {"quiet": ["08:00", "08:00"]}}),
    '$.caps.quiet', 2, qr/same minute/);
finds('no JSON', qq({$shop,\n\n"mode": on}), '$', 3, qr/no JSON/);
finds('time zone', qq({"shop": {"id": "a", "currency": "EUR",\n)
    . qq("tz": "Europe/Berlim"}, "mode": "observe"}), '$.shop.tz', 2,
    qr/not in .*zoneinfo/) if -e '/usr/share/zoneinfo/UTC';
finds('profile', qq({$shop, "mode": "observe",\n"platform": "woo"}),
    '$.platform', 2, qr/no profile "woo"; there are .*woocommerce/);
finds('no sender', qq({$shop,\n"mode": "on"}), '$.shop.sender.address', 1,
    qr/postal address/);

my $observe = spew("$dir/observe.json", qq({$shop, "mode": "observe"}));
($code, $lines) = check($observe);
is($code, 0, 'control: one that only looks needs no sender');
like(join("\n", @$lines), qr/note, before mode "on": \$\.shop\.sender\.address/,
    'but hears what it will need');

my $mute = spew("$dir/mute.json", qq({$shop, "mode": "on", "sequence": []}));
($code) = check($mute);
is($code, 0, 'nor one that sends nothing');

my $twin = policy_file("$dir/twin.json");
($code, undef, $json) = check("$dir/least.json", $twin);
is($code, 1, 'two shops with one id');
is($json->{findings}[0]{path}, '$.shop.id', 'are told');

($code, undef, undef, my $err) = check("$dir/none.json");
is($code, 3, 'a file that is not there: exit code 3');
like($err, qr/none\.json: No such file/, 'and its name');

my $big = spew("$dir/big.json", '{"zones": {"a": "' . 'x' x 66000 . '"}}');
($code, $lines) = check($big);
is($code, 1, 'a file over 64 KB');
like($lines->[0], qr/at most 65536 are read/, 'is told so');


# --- templates ----------------------------------------------------------------

sub with_template {
    my ($name, $text) = @_;

    my $own = "$dir/templates";
    mkdir $own;

    for my $lang ('en', 'de') {
        mkdir "$own/$lang";
        for my $path (glob "$templates/$lang/*.mustache") {
            my ($file) = $path =~ m{([^/]+)$};
            spew("$own/$lang/$file", slurp($path));
        }
    }

    spew("$own/$name", $text) if defined $name;

    return $own;
}

sub template_finds {
    my ($name, $file, $text, $line, $cure) = @_;

    my ($rc, undef, $found) = check("$dir/least.json", '--templates',
        with_template($file, $text));
    my ($f) = grep { $_->{file} =~ /\Q$file\E$/ && $_->{text} =~ $cure }
        @{ $found->{findings} };

    is($rc, 1, "$name: exit code 1");
    ok($f && $f->{line} == $line, "$name: $file, line $line")
        or diag(explain($found));
}

my $foot = "{{restore_url}} {{unsubscribe_url}} {{shop.address}}\n";

($code) = check("$dir/least.json", '--templates', with_template());
is($code, 0, 'control: our own templates have no finding');

template_finds('figure', 'en/email-remind.txt.mustache',
    "Hello\nOnly 2 left\n$foot", 2, qr/a figure in the text/);
template_finds('figure in a subject', 'en/email-proof.subject.mustache',
    "10 % off\n", 1, qr/a figure in the text/);
template_finds('pressure', 'de/email-remind.html.mustache',
    "<p>Hallo</p>\n<p>Letzte Chance!</p>\n$foot", 2, qr/presses/);
template_finds('no unsubscribe link', 'en/email-objection.txt.mustache',
    "{{restore_url}} {{shop.address}}\n", 0, qr/\{\{unsubscribe_url\}\}/);
template_finds('syntax', 'en/email-remind.html.mustache',
    "$foot\n{{#cart.items}}\n{{/cart}}\n", 4, qr/closed as "cart"/);

my $style = with_template('en/email-remind.html.mustache',
    "<style>p { margin: 4px }</style><p style=\"top:1px\">&#8364; "
    . "{{cart.total}}</p>$foot");
($code, undef, $json) = check("$dir/least.json", '--templates', $style);
is($code, 0, 'control: figures of markup and entities are none')
    or diag(explain($json));

my $french = policy_file("$dir/fr.json", shop => { id => 'fr',
    locales => ['en', 'fr'] });
($code, undef, $json) = check($french, '--templates', $templates);
is($code, 1, 'a language without messages');
is($json->{findings}[0]{path}, '$.shop.locales[1]', 'is told');

done_testing();
