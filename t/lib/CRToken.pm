package CRToken;

# Link tokens as the library makes them (lib/cr_token.h), for tests.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use Exporter 'import';
use MIME::Base64 qw(encode_base64url);

our @EXPORT = qw(link_token);

my %purpose = (restore => 1, unsub => 2);


# secret: the file's content; subject: 32 hex digits; expires: Unix s, 0 none.

sub link_token {
    my ($secret, $what, $site, $subject, $expires) = @_;

    $secret =~ s/^\s+|\s+$//g;

    my $prk = hmac_sha256($secret, "\0" x 32);
    my $key = hmac_sha256("cartrecover 1 link\x01", $prk);
    my $head = chr(0x10 | $purpose{$what}) . substr(sha256($secret), 0, 1)
        . pack('H32', $subject) . pack('N', $expires // 0) . "\0";

    return encode_base64url(
        $head . substr hmac_sha256($head . $site, $key), 0, 16);
}

1;
