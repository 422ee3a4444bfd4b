# check: alone
#
# A real EverShop behind nginx, end to end: what a shopper does with its API
# arrives in Redis as a cart, an address with consent brings one mail, its link
# brings the cart back in another browser, an order ends the journey.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use CR;
use Test::More;

my $dir = tmpdir() . '/run';
my ($port, $mail_port) = (free_port(), free_port());
my @demo = ("$ROOT/tools/demo.sh", '--shop', 'evershop', '--dir', $dir,
    '--no-build', '--port', $port, '--mail-port', $mail_port);

my $GRAPHQL = json_encode({ operationName => 'Q', query => 'query Q { myCart '
    . '{ uuid currency totalQty subTotal { value } shippingFeeInclTax '
    . '{ value } grandTotal { value } items { productSku qty } '
    . 'availableShippingMethods { providerCode code name } } }' });

my %ADDRESS = (full_name => 'Iris Walker', telephone => '+15555550100',
    address_1 => '7 Pier Road', city => 'Sausalito', country => 'US',
    province => 'US-CA', postcode => '94965');

my ($rc, $out, $err) = run_command(@demo, { timeout => 900 });

if ($rc == 77) {
    plan(skip_all => 'EverShop cannot be had here: '
        . ((grep { /^demo:/ } split /\n/, $err)[-1] // 'no reason given'));
}

END {
    my $status = $?;
    run_command(@demo, 'stop', { timeout => 120 }) if @demo;
    $? = $status;
}

is($rc, 0, 'EverShop, nginx, Redis and the worker are up')
    or BAIL_OUT("$out$err");


# A shopper is a cookie jar.

sub ask {
    my ($jar, $method, $uri, $body, %more) = @_;

    my @headers = (Host => "127.0.0.1:$port",
        'User-Agent' => 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0)');
    my $cookies = join '; ', map { "$_=$jar->{$_}" } sort keys %$jar;

    push @headers, Cookie => $cookies if $cookies ne '';
    push @headers, 'Content-Type' => $more{type} // 'application/json'
        if defined $body;

    my $res = http($port, $method, $uri, headers => \@headers, timeout => 30,
        defined $body ? (body => ref $body ? json_encode($body) : $body) : ());

    for ($res->headers('Set-Cookie')) {
        $jar->{$1} = $2 if /^([^=;]+)=([^;]*)/;
    }

    return $res;
}


sub redis { return redis_cmd("$dir/redis/redis.sock", @_) }

# The panel shows the first digits of the visitor's id.

sub visitor_key {
    my ($jar) = @_;

    my $sid = ask($jar, GET => '/_cr/session')->json->{sid} // return 'none';

    return redis('KEYS', "cr:{evershop}:v:$sid*")->[0] // 'none';
}

sub visitor_state {
    my ($jar) = @_;

    return { @{ redis('HGETALL', visitor_key($jar)) } };
}

sub cart_state {
    my $state = visitor_state(@_);

    return $state->{cart} ? json_decode($state->{cart}) : {};
}

sub mails {
    my ($address) = @_;

    my $all = http($mail_port, GET => '/api/mails')->json;

    return grep { $_->{recipients}[0] eq $address } @$all;
}

sub add_to_cart {
    my ($jar, $sku, $qty) = @_;

    my $res = ask($jar, POST => '/api/cart/mine/items',
        { sku => $sku, qty => $qty });

    is($res->status, 200, "$qty of $sku are added");
    ask($jar, POST => '/api/graphql', $GRAPHQL);

    return $res->json->{data}{cartId};
}

sub give_address {
    my ($jar, $address, $consent) = @_;

    my $body = "email=$address" . ($consent ? '&consent_email=1' : '');
    my $res = ask($jar, POST => '/_cr/c', $body,
        type => 'application/x-www-form-urlencoded');

    like($res->status, qr/^(?:204|303)$/, 'the address is taken');
}


my ($iris, $otto) = ({}, {});
my %address = (iris => "iris-$$\@shopper.example",
               otto => "otto-$$\@shopper.example");
my $cart_id;

subtest 'a page gets the tag, and stays whole' => sub {
    my $page = ask($iris, GET => '/accessories/desk-pen-holder-white');

    is($page->status, 200, 'product page');
    ok($page->complete, 'as long as it promised');
    like($page->body, qr{<script async src="/_cr/b\.js\?v=}, 'tag');
    like($page->body, qr{</html>\s*$}, 'to its end');
    is(index($page->body, "http://127.0.0.1:$port") > 0, 1,
        'its links lead through nginx');
};

subtest 'add to cart arrives with its lines and its total' => sub {
    $cart_id = add_to_cart($iris, 'PEN-002-WHT', 2);

    wait_for(sub { (cart_state($iris)->{total} // 0) == 2400 }, 15);

    my $cart = cart_state($iris);
    my $line = $cart->{items}[0];

    is($cart->{total}, 2400, 'total in cents');
    is($cart->{cur}, 'USD', 'currency');
    is($cart->{n}, 2, 'pieces');
    is(scalar @{ $cart->{items} || [] }, 1, 'one line');
    is($line->{r}, 'PEN-002-WHT', 'which article');
    is($line->{q}, 2, 'how many');
    is($line->{p}, 1200, 'at which price');
    is(visitor_state($iris)->{ord}, undef, 'no order yet');
};

subtest 'what the shop refuses changes nothing' => sub {
    my $res = ask($iris, POST => '/api/cart/mine/items',
        { sku => 'NO-SUCH-THING', qty => 1 });

    isnt($res->status, 200, 'refused');
    ask($iris, POST => '/api/graphql', $GRAPHQL);
    is(cart_state($iris)->{n}, 2, 'still two pieces');
};

subtest 'with consent one mail comes, without none' => sub {
    add_to_cart($otto, 'CUP-001-WHT', 1);
    give_address($otto, $address{otto}, 0);
    give_address($iris, $address{iris}, 1);

    ok(wait_for(sub { mails($address{iris}) }, 60, 0.3), 'iris has mail');

    my ($mail) = mails($address{iris});
    my ($link) = grep { m{/_cr/r/} } @{ $mail->{links} || [] };

    like($mail->{text}, qr/Desk Pen Holder/, 'it names the article');
    like($link // '', qr{^http://127\.0\.0\.1:$port/_cr/r/}, 'it has a link');
    is(scalar(mails($address{otto})), 0, 'otto ticked nothing: no mail');
    cmp_ok(redis('EXISTS', visitor_key($otto)), '==', 1,
        'though his cart is known');

    SKIP: {
        skip 'no Chromium driver here', 1 unless -x '/usr/bin/chromedriver'
            && system('/usr/bin/python3 -c "import selenium"') == 0;

        my ($status, $seen, $why) = run_command('/usr/bin/python3',
            "$ROOT/tools/demo/restore.py", $link, "$dir/browser",
            'Desk Pen Holder', { timeout => 120 });

        is($status, 0, 'its link shows the cart in another browser')
            or diag($seen, $why);
    }
};

subtest 'an order ends the journey' => sub {
    my $state = visitor_state($iris);
    my $journey = 'cr:{evershop}:j:' . ($state->{jid} // '');
    my $base = "/api/carts/$cart_id";

    ask($iris, POST => "$base/contacts", { email => $address{iris} });
    ask($iris, POST => "$base/addresses",
        { address => \%ADDRESS, type => $_ }) for qw(shipping billing);

    my $cart = ask($iris, POST => '/api/graphql', $GRAPHQL)->json;
    my ($way) = grep { $_->{name} eq 'Standard' }
        @{ $cart->{data}{myCart}{availableShippingMethods} || [] };

    ok($way, 'a way to ship') or return;
    ask($iris, POST => "$base/shippingMethods", {
        provider_code => $way->{providerCode}, method_code => $way->{code},
        method_name => $way->{name} });
    ask($iris, POST => "$base/paymentMethods",
        { method_code => 'cod', method_name => 'Cash on delivery' });

    my $res = ask($iris, POST => '/api/orders', { cart_id => $cart_id });

    is($res->status, 200, 'EverShop takes the order') or return;
    cmp_ok($res->json->{data}{grand_total}, '==', 30.90, 'for 30.90');

    ok(wait_for(sub { visitor_state($iris)->{ord} }, 15),
        'the order is known');
    ok(wait_for(sub { (redis('HGET', $journey, 'st') // '') eq 'purchased' },
        15), 'the journey ended as purchased')
        or diag('state: ' . (redis('HGET', $journey, 'st') // 'none'));
    is(scalar(mails($address{iris})), 1, 'one mail was all');
    is(scalar(mails($address{otto})), 0, 'and none to otto');
};

done_testing();
