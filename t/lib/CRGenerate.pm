package CRGenerate;

# Responses by number: the same number gives the same document, coding, cut
# and headers wherever it is asked for, so that origin and client agree on them
# without talking.
#
#   my $g = generate(4711);
#   $g->{body} {wire} {gzip} {mode} {piece} {headers}    what the origin sends
#   $g->{at}                                the tag's offset in plain text
#   $g->{front}                             1 yes, 0 no, undef: may be spliced

use strict;
use warnings;

use Compress::Raw::Zlib ();
use Compress::Zlib ();
use Exporter 'import';

our @EXPORT = qw(generate);

my @words = split / /, 'linen cotton walnut copper harbour meadow ember slate '
    . 'cedar quartz willow amber saffron indigo maple cobalt fern pebble';


# A small generator of our own, so that a number means the same everywhere.

my $state;

sub seed { $state = ($_[0] * 2654435761 + 97) & 0xffffffff }

sub below {
    my ($n) = @_;

    $state = ($state * 1664525 + 1013904223) & 0xffffffff;

    return int(($state >> 8) * $n / (1 << 24));
}

sub one { return $_[below(scalar @_)] }


# Markup that is no head tag, in front of it.

sub noise {
    my @out;

    for (1 .. below(3)) {
        push @out, one("\n", ' ', "\t\r\n", '<!-- a -->', '<!-- <head> -->',
            '<!-->', "<!-- x > y --\n-->", '<!---->', "<!-- \"' -->");
    }

    return join '', @out;
}


sub attributes {
    return join '', map { one(' class="a b"', " data-x='a>b'", ' hidden',
        ' lang=en', ' title="<head>"', "\n dir=ltr") } 1 .. below(3);
}


sub paragraphs {
    my ($bytes) = @_;
    my $text = '';

    while (length $text < $bytes) {
        $text .= '<p class="' . one(@words) . '">'
            . join(' ', map { one(@words) } 1 .. 3 + below(12)) . "</p>\n";
    }

    return $text;
}


# (the text in front of the tag, what follows, where, front): where is head,
# end or none.

sub document {
    my $tail = '<title>' . one(@words) . '</title></head><body>'
        . paragraphs(below(8) ? below(2500) : 4000 + below(60000))
        . one('</body></html>', "</body></html>\n", '');
    my $kind = below(16);
    my $doctype = one('<!doctype html>', '<!DOCTYPE html>',
        "<!Doctype  HTML >", "\n <!doctype html>");

    if ($kind < 9) {
        return ($doctype . noise() . one('<html', '<HTML') . attributes()
            . '>' . noise() . one('<head>', '<HEAD>', '<head >', '<head/>'),
            $tail, 'head', 1);
    }

    my $head = '<head' . one(' prefix="og: http://ogp.me/ns#"', ' x',
        " data-a='>'") . '>';

    return ($doctype . '<html>' . noise() . $head, $tail, 'head', 0)
        if $kind == 9;
    return ("\xef\xbb\xbf$doctype<html><head>", $tail, 'head', 0)
        if $kind == 10;
    return ('<html><head>', $tail, 'head', 0) if $kind == 11;
    return ("$doctype<html><header>x</header>$tail", '', 'end', 1)
        if $kind == 12;
    return ("$doctype<title>x</title>" . paragraphs(below(900)), '', 'end', 1)
        if $kind == 13;
    return ('{"a":"<head>","b":"' . paragraphs(60 + below(900)) . '"}', '',
        'none', 0) if $kind == 14;

    return ('<div>' . paragraphs(60 + below(900)) . '</div>', '', 'none', 0);
}


sub headers {
    my @headers = ('Content-Type', one('text/html', 'text/html; charset=utf-8',
        'Text/HTML;charset=ISO-8859-1'));

    push @headers, 'ETag', '"' . below(1000) . '"' if below(2);
    push @headers, 'Cache-Control', one('no-store', 'max-age=60', 'private')
        if below(2);
    push @headers, 'Set-Cookie', 'a=' . below(1000) if below(4) == 0;
    push @headers, "X-$_", 'y' x below(200) for 1 .. below(3);

    return @headers;
}


sub compress {
    my ($body, $flush) = @_;

    return Compress::Zlib::memGzip($body) unless $flush;

    my $z = Compress::Raw::Zlib::Deflate->new(-Level => one(0, 1, 6, 9),
        -WindowBits => Compress::Raw::Zlib::WANT_GZIP(), -AppendOutput => 1);
    my $half = below(length $body);
    my $out = '';

    $z->deflate(substr($body, 0, $half), $out);
    $z->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH());
    $z->deflate(substr($body, $half), $out);
    $z->flush($out);

    return $out;
}


sub generate {
    my ($number) = @_;

    seed($number);
    below(2) for 1 .. 4;

    my ($before, $after, $where, $front) = document();
    my $body = $before . $after;
    my $g = { number => $number, body => $body, wire => $body,
        front => $front, mode => one('length', 'length', 'chunked', 'close'),
        at => $where eq 'head' ? length $before
            : $where eq 'end' ? length $body : undef };

    $g->{mode} = 'chunked' if $g->{mode} eq 'close' && below(4);
    $g->{gzip} = below(2);
    $g->{wire} = compress($body, below(2)) if $g->{gzip};
    $g->{piece} = below(3) ? 65536 : one(1, 2, 3, 7, 10, 11, 64, 200, 999);
    $g->{piece} = 64 if $g->{piece} < 64 && length $g->{wire} > 1500;
    $g->{place} = one('head', 'start', 'loose');
    $g->{headers} = [headers(), $g->{gzip} ? ('Content-Encoding', 'gzip')
                                           : ()];

    # In small pieces the first bytes of a stream may be too few to tell.

    $g->{front} = undef if $front && $g->{piece} < 65536;

    return $g;
}

1;
