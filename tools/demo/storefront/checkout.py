"""Cart, checkout and order pages: one shopper's, never cached."""

from . import layout
from .cart import SHIPPING
from .catalogue import CURRENCY
from .layout import esc, money, page

COUNTRIES = {"DE": "Germany", "AT": "Austria", "FR": "France", "IT": "Italy",
             "ES": "Spain", "NL": "Netherlands", "BE": "Belgium",
             "CH": "Switzerland", "GB": "United Kingdom"}

ERRORS = {"coupon": "This code does not exist, or has ended.",
          "stock": "We do not have that many of this article.",
          "unknown": "This article is not available any more."}

STEPS = [("contact", "Contact"), ("shipping", "Shipping"),
         ("payment", "Payment")]


def ecommerce(session, **more):
    return dict(more, currency=CURRENCY, value=session.total / 100, items=[
        layout.ga_item(x.product, x.qty, x.label()) for x in session.lines])


def alert(words):
    return '<p class="alert" role="alert">%s</p>' % esc(words) if words else ""


def hidden(line):
    fields = '<input type="hidden" name="sku" value="%s">' % line.product.sku
    for name, value in line.options.items():
        fields += ('<input type="hidden" name="option.%s" value="%s">'
                   % (name, esc(value)))
    return fields


def cart_line(line):
    return """<li class="line"><a href="%s"><img src="%s" alt="" width="600" \
height="600"></a><div><a class="name" href="%s">%s</a><span class="small">%s\
</span><form method="post" action="/cart/update" class="row">%s<label \
class="qty"><span class="off">Quantity of %s</span><input name="qty" \
type="number" inputmode="numeric" min="0" max="20" value="%d" data-qty>\
</label><button class="link">Update</button></form><form method="post" \
action="/cart/remove">%s<button class="link">Remove</button></form></div>
<span class="price">%s</span></li>""" % (
        line.product.url, line.product.picture(line.options.get("colour")),
        line.product.url, esc(line.product.name), esc(line.label()),
        hidden(line), esc(line.product.name), line.qty, hidden(line),
        money(line.total))


def sums(session, final=False):
    rows = [("Subtotal", money(session.subtotal))]
    if session.discount:
        rows.append(("Code %s" % session.coupon, money(-session.discount)))
    if session.shipping:
        cost = session.shipping_cost(session.shipping)
        rows.append(("Shipping", money(cost) if cost else "Free"))
    elif not final:
        rows.append(("Shipping", "at the next step"))
    rows.append(("Total", money(session.total)))
    return '<dl class="sums">%s</dl>' % "".join(
        "<div><dt>%s</dt><dd>%s</dd></div>" % row for row in rows)


def cart(session, error):
    if session is None or not session.lines:
        body = ("<h1>Your cart</h1>%s<p>There is nothing in it yet.</p>"
                '<p><a class="button strong" href="/">Look around</a></p>'
                % alert(ERRORS.get(error)))
        return page("Cart", body, "/cart", kind="cart")
    body = """<h1>Your cart</h1>%s<div class="two"><ul class="lines">%s</ul>
<aside class="panel">%s<form method="post" action="/cart/coupon" class="row">
<label class="grow"><span class="off">Discount code</span><input name="code" \
placeholder="Discount code" maxlength="32" required></label><button \
class="button">Apply</button></form><a class="button strong wide" \
href="/checkout">To the checkout</a><p class="small">No account needed. \
<a href="/returns">30 days to return</a></p></aside></div>""" % (
        alert(ERRORS.get(error)), "".join(cart_line(x) for x in session.lines),
        sums(session))
    return page("Cart", body, "/cart", kind="cart",
                head=layout.data_layer("view_cart", ecommerce(session)))


def frame(session, step, form, event, **more):
    trail = "".join(
        '<li%s>%s</li>' % (' aria-current="step"' if key == step else "", name)
        for key, name in STEPS)
    lines = "".join(
        "<li><span>%d × %s<small>%s</small></span><span>%s</span></li>"
        % (x.qty, esc(x.product.name), esc(x.label()), money(x.total))
        for x in session.lines)
    body = """<ol class="trail">%s</ol><div class="two"><div>%s</div><aside \
class="panel"><h2>Your order</h2><ul class="short">%s</ul>%s<a \
class="small" href="/cart">Change the cart</a></aside></div>""" % (
        trail, form, lines, sums(session))
    return page("Checkout", body, "/checkout", kind="checkout-" + step,
                head=layout.data_layer(event, ecommerce(session, **more)))


def field(label, name, value="", kind="text", complete="", more="required"):
    return """<label class="field"><span>%s</span><input name="%s" \
type="%s" value="%s" autocomplete="%s" maxlength="120" %s></label>""" % (
        label, name, kind, esc(value), complete, more)


def contact(session, values, error=None):
    country = values.get("country") or "DE"
    options = "".join(
        '<option value="%s"%s>%s</option>'
        % (code, " selected" if code == country else "", name)
        for code, name in COUNTRIES.items())
    form = """<h1>Contact</h1>%s<form method="post" \
action="/checkout/contact" class="stack" data-once>%s%s%s
<label class="field"><span>Country</span><select name="country" \
autocomplete="country">%s</select></label>
<label class="tick"><input type="checkbox" name="marketing" value="1">
<span>Remind me by e-mail if I leave something in my cart. I can stop this \
at any time. <a href="/privacy">Privacy</a></span></label>
<button class="button strong wide">Continue to shipping</button></form>""" % (
        alert(error),
        field("E-mail", "email", values.get("email", ""), "email", "email"),
        field("Name", "name", values.get("name", ""), complete="name"),
        field("Phone, for the parcel service (optional)", "phone",
              values.get("phone", ""), "tel", "tel", ""), options)
    return frame(session, "contact", form, "begin_checkout")


def shipping(session, values, error=None):
    chosen = values.get("method") or session.shipping or "standard"
    methods = ""
    for key, (name, _) in SHIPPING.items():
        cost = session.shipping_cost(key)
        methods += """<label class="choice"><input type="radio" \
name="method" value="%s"%s><span>%s</span><b>%s</b></label>""" % (
            key, " checked" if key == chosen else "", name,
            money(cost) if cost else "Free")
    form = """<h1>Shipping</h1>%s<form method="post" \
action="/checkout/shipping" class="stack" data-once>%s<div class="pair">%s%s\
</div><fieldset class="choices"><legend>Delivery</legend>%s</fieldset>
<button class="button strong wide">Continue to payment</button></form>""" % (
        alert(error),
        field("Street and number", "street", values.get("street", ""),
              complete="street-address"),
        field("Postcode", "postcode", values.get("postcode", ""),
              complete="postal-code"),
        field("Town", "city", values.get("city", ""),
              complete="address-level2"), methods)
    return frame(session, "shipping", form, "add_shipping_info")


def payment(session, method="card", error=None):
    form = """<h1>Payment</h1>%s<form method="post" \
action="/checkout/payment" class="stack" data-once data-pay>
<fieldset class="choices"><legend>How would you like to pay?</legend>
<label class="choice"><input type="radio" name="method" value="card"%s><span>\
Card</span></label><div class="card-fields">%s<div class="pair">%s%s</div>
<p class="small">Test cards: 4242 4242 4242 4242 is accepted, \
4000 0000 0000 0002 is declined.</p></div>
<label class="choice"><input type="radio" name="method" value="cod"%s><span>\
Cash on delivery</span></label></fieldset>
<button class="button strong wide">Pay %s</button>
<p class="small">We never store card numbers.</p>
</form>""" % (
        alert(error), " checked" if method == "card" else "",
        field("Card number", "card", complete="cc-number",
              more='inputmode="numeric"'),
        field("Expires (MM/YY)", "exp", complete="cc-exp", more=""),
        field("CVC", "cvc", complete="cc-csc", more='inputmode="numeric"'),
        " checked" if method == "cod" else "", money(session.total))
    return frame(session, "payment", form, "add_payment_info",
                 shipping_tier=session.shipping)


def order(found):
    lines = "".join(
        "<li><span>%d × %s<small>%s</small></span><span>%s</span></li>"
        % (x.qty, esc(x.product.name), esc(x.label()), money(x.total))
        for x in found["lines"])
    name = found["contact"].get("name", "").split(" ")[0]
    rows = [("Subtotal", money(found["subtotal"]))]
    if found["discount"]:
        rows.append(("Code %s" % found["coupon"], money(-found["discount"])))
    rows.append(("Shipping",
                 money(found["shipping"]) if found["shipping"] else "Free"))
    rows.append(("Total", money(found["total"])))
    body = """<div class="prose"><p class="eyebrow">Order %s</p><h1>Thank \
you%s.</h1><p class="lead">We have your order and start packing. %s</p>
<ul class="short">%s</ul><dl class="sums">%s</dl><p><a class="button" \
href="/">Back to the shop</a></p></div>""" % (
        esc(found["id"]), esc(", " + name) if name else "",
        "You pay the driver in cash." if found["payment"] == "cod"
        else "Your card was charged.", lines,
        "".join("<div><dt>%s</dt><dd>%s</dd></div>" % row for row in rows))
    head = layout.data_layer("purchase", {
        "transaction_id": found["id"], "currency": CURRENCY,
        "value": found["total"] / 100, "shipping": found["shipping"] / 100,
        "coupon": found["coupon"] or "", "items": [
            layout.ga_item(x.product, x.qty, x.label())
            for x in found["lines"]]})
    return page("Order %s" % found["id"], body, "/", head=head, kind="order")
