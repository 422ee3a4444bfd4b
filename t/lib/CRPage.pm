package CRPage;

# Pages for the filter's tests, and what must have become of them.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw($TAG pages placed compare_page events);

our $TAG = qr{<script async src="/_cr/b\.js\?v=[0-9a-f]{8}"[^>]*></script>};

my $filler = '<p>' . ('linen cotton walnut ' x 8) . "</p>\n";
my $tail = "<title>Shop</title></head><body>\n$filler$filler</body></html>\n";

# Name => [where the tag belongs, the page].  head: the page has a cut mark
# (a NUL) at the place; end: behind its last byte; none: it is no document.

my %pages = (
    plain => [head => "<!doctype html>\n<html lang=\"en\"><head>\0\n$tail"],
    attributes => [head => "<!doctype html><html data-a='x>y'>"
        . "<head class=\"a>b\" data-x='c>d' id=e>\0<meta charset=utf-8>$tail"],
    upper => [head => "<!DOCTYPE HTML>\r\n<HTML>\r\n<HEAD\t>\0$tail"],
    comment => [head => "<!doctype html><!-- <head> --><!-->\n<html>"
        . "<!-- a > b --- <head> --><head>\0$tail"],
    late => [head => '<!doctype html><!-- ' . ('far away - ' x 90)
        . "--><html>\n\n<head>\0$tail"],
    quirks => [head => "\n\n<html><head>\0$tail"],
    mark => [head => "\xef\xbb\xbf<!doctype html><html><head>\0$tail"],
    last_byte => [head => '<!doctype html><!-- ' . ('x' x 80)
        . "--><html><head>\0"],
    header => [end => "<!doctype html><html><header>Shop</header>\n$tail"],
    no_head => [end => "<!doctype html>\n<title>Shop</title>\n$filler"],
    text_first => [end => "<!doctype html>\nShop <head> $filler"],
    open_comment => [end => "<!doctype html><!-- never closed <head> $filler"],
    cut_tag => [end => "<!doctype html><html>\n<!-- $filler --><head class='a"],
    fragment => [none => "<div class=\"cart\">$filler</div><head></head>\n"],
    json => [none => '{"html":"<!doctype html><html><head><\/head>",'
        . "\"filler\":\"$filler\"}"],
    text => [none => "Only words, $filler"],
    utf16 => [none => "\xff\xfe" . join '', map { "$_\0" } split //,
        "<!doctype html><html><head><title>x</title></head></html>"],
);


# Name => { where, body, at }: at is the tag's offset.

sub pages {
    my %out;

    for my $name (keys %pages) {
        my ($where, $body) = @{ $pages{$name} };
        my $at;

        if ($where eq 'head') {
            $at = index $body, "\0";
            substr $body, $at, 1, '';
        } elsif ($where eq 'end') {
            $at = length $body;
        }

        $out{$name} = { where => $where, body => $body, at => $at };
    }

    return %out;
}


# The page as it must arrive; kept: its length was announced.

sub placed {
    my ($page, $tag, $kept) = @_;
    my $body = $page->{body};

    if (defined $page->{at}) {
        substr $body, $page->{at}, 0, $tag;
    } elsif ($kept) {
        $body .= ' ' x length $tag;
    }

    return $body;
}


# What is wrong with an answer, or nothing.

sub compare_page {
    my ($page, $tag, $res) = @_;
    my $length = $res->header('Content-Length');

    return 'status ' . $res->status if $res->status != 200;
    return 'the body was cut off' unless $res->complete;
    return "Content-Length $length, body of " . length $res->body
        if defined $length && $length != length $res->body;

    my $want = placed($page, $tag, defined $length);
    return if $res->body eq $want;

    my $i = 0;
    $i++ while substr($res->body, $i, 1) eq substr $want, $i, 1;

    return 'differs from byte ' . $i . ': ' . substr $res->body, $i, 60;
}


# An access log of "NUMBER word ..." lines: NUMBER => [words], as soon as it
# has all numbers from 1 to `count`.

sub events {
    my ($file, $count) = @_;

    my $got = CR::wait_for(sub {
        my $text = -e $file ? CR::slurp($file) : '';
        my %seen = map { my ($n, @words) = split; $n => \@words }
            split /\n/, $text;
        return (grep { !$seen{$_} } 1 .. $count) ? undef : \%seen;
    }, 10);

    return $got ? %$got : ();
}

1;
