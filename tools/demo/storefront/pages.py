"""Pages that are the same for everybody: no session is looked at here."""

from . import catalogue, layout
from .catalogue import CATEGORIES, CURRENCY, PRODUCTS
from .layout import esc, icon, money, page


def card(product):
    colours = ""
    if product.colours:
        colours = ('<span class="dots">%s</span>' % "".join(
            '<i class="c-%s"></i>' % c for c in product.colours))
    return ("""<a class="card" href="%s"><img src="%s" alt="" width="600" \
height="600" loading="lazy"><span class="name">%s</span>%s<span \
class="price">%s</span></a>"""
            % (product.url, product.picture(), esc(product.name), colours,
               money(product.price)))


def grid(products):
    return '<div class="grid">%s</div>' % "".join(card(p) for p in products)


def promises():
    return """<ul class="promises">
<li>%s<span><b>Dispatched today</b>Orders before noon, on working days</span>
<li>%s<span><b>30 days to return</b><a href="/returns">How returns work</a>\
</span>
<li>%s<span><b>Price match</b><a href="/price-match">Seen it for less?</a>\
</span></ul>""" % (icon("van"), icon("back"), icon("tag"))


def home():
    lead = catalogue.BY_SLUG["table-lamp"]
    side = catalogue.BY_SLUG["wool-throw"]
    picks = [catalogue.BY_SLUG[s] for s in (
        "organic-tee", "stoneware-mug", "day-pack", "linen-cushion",
        "steel-bottle", "gooseneck-kettle", "merino-scarf", "bud-vase")]
    tiles = "".join(
        '<a class="tile" href="/c/%s"><img src="%s" alt="" width="600" '
        'height="600"><span>%s</span></a>'
        % (key, catalogue.in_category(key)[5].picture(), value[0])
        for key, value in CATEGORIES.items())
    body = """<section class="hero"><div><p class="eyebrow">The winter \
house</p><h1>Good light, warm wool, and nothing you have to replace.</h1>
<p class="lead">Twenty-eight things we use ourselves, from four small \
categories.</p><p class="row"><a class="button strong" href="/c/living">\
Shop living</a><a class="button" href="/c/outdoors">Go outside</a></p></div>
<a href="%s"><img src="%s" alt="%s" width="600" height="600"></a>
<a class="second" href="%s"><img src="%s" alt="%s" width="600" height="600">\
</a></section>%s<h2>Categories</h2><div class="tiles">%s</div>
<h2>Picked this week</h2>%s""" % (
        lead.url, lead.picture(), esc(lead.name), side.url, side.picture(),
        esc(side.name), promises(), tiles, grid(picks))
    return page("Things for the house and the hills", body, kind="home")


def listing(event, name, products):
    return layout.data_layer(event, {
        "item_list_name": name, "currency": CURRENCY,
        "items": [layout.ga_item(p) for p in products[:12]]})


def category(key):
    name, text = CATEGORIES[key]
    products = catalogue.in_category(key)
    body = """<nav class="crumbs"><a href="/">Home</a> / %s</nav>
<h1>%s</h1><p class="lead">%s</p>%s""" % (name, name, text, grid(products))
    return page(name, body, "/c/" + key, key,
                head=listing("view_item_list", name, products),
                kind="category")


def search(query):
    products = catalogue.search(query)
    if products:
        found = "%d thing%s" % (len(products),
                                "" if len(products) == 1 else "s")
        rest = grid(products)
    else:
        found = "Nothing"
        rest = ("<p>Try a shorter word, or look at these.</p>"
                + grid(PRODUCTS[7:11]))
    body = ('<h1>%s for “%s”</h1>%s' % (found, esc(query), rest)
            if query.strip() else "<h1>Search</h1><p>What are you looking "
            "for?</p>" + grid(PRODUCTS[:8]))
    head = ('<meta name="robots" content="noindex">'
            + layout.data_layer("search", {
                "items": [layout.ga_item(p) for p in products[:12]],
                "currency": CURRENCY}, search_term=query[:80]))
    return page("Search", body, "/search", query=query, head=head,
                kind="search")


def choices(product):
    """One group of radio buttons an option; they work without a script."""
    groups = ""
    for name, values in product.options().items():
        inputs = ""
        for place, value in enumerate(values):
            shown = esc(value)
            extra = ""
            if name == "colour":
                shown = ('<i class="c-%s"></i>%s'
                         % (value, catalogue.colour_name(value)))
                extra = ' data-picture="%s"' % product.picture(value)
            inputs += ("""<label class="pill"><input type="radio" \
name="option.%s" value="%s"%s%s><span>%s</span></label>"""
                       % (name, esc(value), extra,
                          " checked" if place == 0 else "", shown))
        groups += ('<fieldset class="option"><legend>%s</legend>%s</fieldset>'
                   % (name.capitalize(), inputs))
    return groups


def json_ld(product, base):
    return ('<script type="application/ld+json">%s</script>'
            % layout.script_json({
                "@context": "https://schema.org", "@type": "Product",
                "name": product.name, "sku": product.sku,
                "description": product.text,
                "image": base + product.picture(),
                "category": CATEGORIES[product.category][0],
                "offers": {
                    "@type": "Offer", "url": base + product.url,
                    "price": "%.2f" % (product.price / 100),
                    "priceCurrency": CURRENCY,
                    "availability": "https://schema.org/" + (
                        "InStock" if product.stock > 0 else "OutOfStock")}}))


def product(item, base):
    sold_out = item.stock < 1
    button = ('<button class="button" disabled>Sold out</button>' if sold_out
              else '<button class="button strong">Add to cart</button>')
    others = [p for p in catalogue.in_category(item.category)
              if p is not item][:4]
    where = CATEGORIES[item.category][0]
    body = """<nav class="crumbs"><a href="/">Home</a> / <a href="/c/%s">%s\
</a></nav><article class="product"><div class="shot"><img src="%s" alt="%s" \
width="600" height="600" data-shot></div><div class="buy"><h1>%s</h1>
<p class="price big">%s</p><p class="small">VAT included, plus shipping</p>
<p>%s</p><form method="post" action="/cart/add" data-add data-name="%s" \
data-price="%s"><input type="hidden" name="sku" value="%s">%s
<div class="row"><label class="qty">Quantity <input name="qty" \
type="number" inputmode="numeric" value="1" min="1" max="20"></label>%s</div>
</form><ul class="facts">%s</ul><p class="small">%s · <a href="/returns">30 \
days to return</a> · <a href="/price-match">Price match</a></p></div>
</article><h2>More from %s</h2>%s""" % (
        item.category, where, item.picture(), esc(item.name),
        esc(item.name), money(item.price), esc(item.text), esc(item.name),
        item.price / 100, item.sku, choices(item), button,
        "".join("<li>%s" % esc(f) for f in item.facts), item.sku, where,
        grid(others))
    head = json_ld(item, base) + layout.data_layer("view_item", {
        "currency": CURRENCY, "value": item.price / 100,
        "items": [layout.ga_item(item)]})
    return page(item.name, body, item.url, item.category, head=head,
                kind="product")


TEXTS = {
    "returns": ("Returns", """<h1>Returns</h1><p class="lead">You have 30 \
days from the day your parcel arrives. Sending it back is free.</p>
<ol class="steps"><li><b>Tell us.</b> Reply to your order mail with what \
goes back; a reason is welcome and not needed.<li><b>Pack it.</b> The \
original box is fine, any other one too. Print the label or show the code \
at the parcel shop.<li><b>Get your money.</b> We refund within three working \
days of the parcel's arrival, the way you paid.</ol>
<h2>Worn, washed, scratched?</h2><p>Try things as you would in a shop. \
What was used beyond that we take back at a lower price, and we tell you the \
price first.</p>"""),
    "price-match": ("Price match", """<h1>Price match</h1><p class="lead">\
Found the same thing for less within 14 days of your order? We pay you the \
difference.</p><ul><li>The same article, colour and size, new and in stock.\
<li>From a shop that ships to your country.<li>Shipping counts on both \
sides.</ul><p>Send us the link and your order number. We look at it on the \
same working day.</p>"""),
    "privacy": ("Privacy", """<h1>Privacy</h1><p>This demonstration shop \
keeps your cart, and the address of a checkout you began, in memory for one \
day at most. If you tick the box in the checkout, the address is also used \
to write to you about the cart you left; each of those messages has a link \
that ends them at once. Nothing leaves this machine.</p><p><a \
href="/cookies">Change your cookie choice</a></p>"""),
}


def text(name):
    title, body = TEXTS[name]
    return page(title, '<div class="prose">%s</div>' % body, "/" + name,
                kind=name)


def cookies(choice):
    now = {"all": "You allowed all cookies.",
           "necessary": "You allowed only the necessary ones."}.get(
               choice, "You have not chosen yet.")
    body = ('<div class="prose"><h1>Cookie settings</h1><p>%s</p>%s</div>'
            % (now, layout.consent_form(layout.CONSENT_TEXT, "/cookies")))
    return page("Cookie settings", body, "/cookies", kind="cookies",
                ask=False)


def problem(status, words):
    body = ('<div class="prose"><h1>%s</h1><p>%s</p><p><a class="button" '
            'href="/">To the shop</a></p></div>' % (status, esc(words)))
    return page(words, body, ask=False)
