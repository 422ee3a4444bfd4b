package CRReplay;

# Recorded shop traffic: reading it, what each exchange should mean, and what
# must have arrived in Redis.

use strict;
use warnings;

use Exporter 'import';
use IO::Uncompress::Gunzip qw($GunzipError);
use JSON::PP ();

our @EXPORT = qw(capture files truth verdict);

# One recording a line: its profile, and the cart before the order and the
# order as the shop itself had them.

my @files = (
    { name => 'opencart4', profile => 'opencart4', currency => 'USD',
      cart => { lines => 1, pieces => 3, refs => { 43 => 3 } },
      order => { total => 135500 } },
    { name => 'woocommerce7', profile => 'woocommerce', currency => 'USD',
      cart => { pieces => 6 },
      order => { total => 13275, id => '20' } },
    { name => 'evershop', profile => 'evershop', currency => 'USD',
      cart => { lines => 1, pieces => 3,
                refs => { 'THERMO-005-BLK' => 3 } },
      order => { total => 11190, id => '10001' } },
    { name => 'evershop-api', profile => 'evershop', currency => 'USD',
      cart => { lines => 1, pieces => 2, refs => { 'PEN-002-WHT' => 2 } },
      order => { total => 3090, id => '10002' } },
    { name => 'medusa-store-api', profile => 'medusa', currency => 'USD',
      cart => { lines => 1, pieces => 3 },
      order => { total => 6540 } },
    { name => 'vendure-shop-api', profile => 'vendure', currency => 'USD',
      cart => { lines => 1, pieces => 3 },
      order => { total => 9510 } },
);

# Label to the events that are right; none means that nothing may be counted.
# "cart" is a read of the cart and never a funnel event.

my %truth = (
    (map { $_ => [] } qw(home noise cart_created cart_fragment
        checkout_start_empty shipping_options payment_options
        payment_collection checkout_fragment order_review)),
    (map { $_ => [$_] } qw(view_category view_product search view_cart remove
        checkout_start payment_failed)),
    (map { $_ => ['error'] } qw(add_to_cart_error contact_error shipping_error
        payment_error checkout_error)),
    add_to_cart => ['add'],
    update_cart => ['update'],
    undo_remove => ['add', 'update'],
    coupon_applied => ['coupon'],
    coupon_rejected => ['coupon_failed'],
    shipping_estimate => ['shipping', 'none', 'cart'],
    shipping_estimate_applied => ['shipping'],
    contact_submitted => ['contact'],
    address_submitted => ['contact'],
    shipping_selected => ['shipping'],
    payment_selected => ['payment'],
    order_placed => ['order'],
    thank_you => ['order', 'order_page'],
);

# Exchanges whose request fits two names, and the second one.

my %also = (
    'woocommerce7 27' => 'contact',
    'woocommerce7 28' => 'contact',
    'evershop-api 6' => 'remove',
);


sub files { return @files }


# The exchanges of one file, in order.

sub capture {
    my ($dir, $name) = @_;
    my $file = "$dir/$name.jsonl.gz";
    my $in = IO::Uncompress::Gunzip->new($file)
        or die "$file: $GunzipError";
    my $json = JSON::PP->new;
    my @all;

    while (defined(my $line = $in->getline)) {
        my $x = $json->decode($line);
        for my $part (qw(url request_body response_body)) {
            utf8::encode($x->{$part}) if defined $x->{$part};
        }
        for my $h (@{ $x->{request_headers} }, @{ $x->{response_headers} }) {
            utf8::encode($_) for @$h;
        }
        push @all, $x;
    }

    return @all;
}


# The right events of an exchange; empty = it is no funnel event.

sub truth {
    my ($name, $x) = @_;
    my $want = $truth{ $x->{label} } or die "no truth for $x->{label}";
    my $more = $also{"$name $x->{n}"};
    return (@$want, $more ? $more : ());
}


# "seen", "missed", "wrong" (a funnel event where none was) or "quiet".

sub verdict {
    my ($name, $x, $event) = @_;
    my @want = truth($name, $x);

    if (!@want) {
        return $event =~ /^(?:none|cart|-)?$/ ? 'quiet' : 'wrong';
    }

    return (grep { $_ eq $event } @want) ? 'seen' : 'missed';
}

1;
