#!/usr/bin/perl

# check: alone
#
# Fifty pages in Chromium, from the storefront and through nginx, plain and as
# gzip: the same document, but for our script.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use CR;
use CRGenerate;

for my $program (qw(/usr/bin/chromium /usr/bin/chromedriver /usr/bin/python3))
{
    next if -x $program;
    print "1..0 # SKIP $program is not installed\n";
    exit 0;
}

my @pages = (hand_made(), grep { defined } map {
    my $g = generate($_);
    defined $g->{at} ? $g->{body} : undef } 1 .. 60);
my $pages = 50;

my $origin = origin_start(sub {
    my ($req) = @_;
    my (undef, $kind, $n) = split m{/}, $req->{path};

    return { status => 404 } if !defined $n || $n !~ /^\d+$/;
    return { body => '<!doctype html><head' . ($n ? '' : ' id=x')
        . '><title>x</title>' } if $kind eq 'control';
    return { body => $pages[$n], gzip => $kind eq 'gz',
        headers => ['Content-Type', 'text/html'] };
}, log => 0);

my $nginx = nginx_start(server => <<END);
    cartrecover on;
    cartrecover_shop %%DIR%%/policy.json;
    cartrecover_profile demo;
    cartrecover_consent assume;
    location / { proxy_pass http://127.0.0.1:$origin->{port}; }
END

my ($code, $out, $err) = run_command('/usr/bin/python3',
    "$FindBin::Bin/browser/dom.py", $origin->port, $nginx->port, $pages,
    { timeout => 240 });

$nginx->stop(quiet => 1);
$origin->stop;

print $out;
print STDERR $err if $code;
exit $code;


# As shop systems write their heads.

sub hand_made {
    my $head = '<meta charset="utf-8"><meta name="viewport" '
        . 'content="width=device-width"><title>Shop &amp; more</title>'
        . '<link rel="canonical" href="/p"><base href="/shop/">'
        . '<style>body{margin:0}</style><script>window.mode='
        . 'document.compatMode</script><noscript><style>a{}</style></noscript>';
    my $body = '<header><h1>Shop</h1></header><main><p>caf&eacute; '
        . "caf\xc3\xa9</p><table><tr><td>1</table><p>a<p>b</main>";

    return (
        "<!doctype html>\n<html class=\"no-js\" lang=\"de-DE\">\n<head>\n$head"
            . "</head>\n<body class=\"home page\">$body</body>\n</html>\n",
        "<!DOCTYPE html>\n<html>\n\t<head>\n\t\t$head\n\t</head>\n"
            . "<body>$body</body></html>",
        "<!DOCTYPE html><!--[if IE 7]>\n<html class=\"ie\"><![endif]-->\n"
            . "<html lang=\"en\"><head >$head</head><body id=b>$body",
        "<!doctype html><html lang=en data-theme=dark><head>$head<body>$body",
        "<!doctype html>$head$body",
        "<!doctype html><html lang=fr>$head</head><body>$body",
        "<!doctype html><html><head prefix=\"og: http://ogp.me/ns#\">$head"
            . "</head><body>$body",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" "
            . "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
            . "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head>$head</head>"
            . "<body>$body</body></html>",
        "<html><head>$head</head><body>$body</body></html>",
        "\xef\xbb\xbf<!doctype html><html><head>$head</head><body>$body",
        "<!doctype html><html><head>$head</head><frameset cols=\"1,2\">"
            . "<frame></frameset></html>",
        "<!doctype html><html lang=en><head>$head</head><body>"
            . '<svg viewBox="0 0 1 1"><title>x</title></svg><template><p>t'
            . "</template>$body<!-- end --></body></html><!-- after -->",
    );
}
