"""The frame around every page."""

import hashlib
import html
import json
import os

from .catalogue import CATEGORIES, COLOURS

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "Tarnwick"


def static(name):
    with open(os.path.join(HERE, "static", name), "rb") as file:
        return file.read()


SWATCHES = "".join(".c-%s { background: %s; }\n" % (key, value[1])
                   for key, value in COLOURS.items()).encode()

STATIC = {
    "shop.css": ("text/css; charset=utf-8", static("shop.css") + SWATCHES),
    "shop.js": ("text/javascript; charset=utf-8", static("shop.js")),
}
VERSION = hashlib.sha256(b"".join(v[1] for v in STATIC.values())
                         ).hexdigest()[:10]


def esc(value):
    return html.escape(str(value), quote=True)


def money(cents):
    sign = "-" if cents < 0 else ""
    cents = abs(cents)
    return "%s€%s.%02d" % (sign, format(cents // 100, ","), cents % 100)


def script_json(value):
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def data_layer(event, ecommerce, **more):
    return ("<script>window.dataLayer = window.dataLayer || []; "
            "dataLayer.push(%s);</script>"
            % script_json(dict(more, event=event, ecommerce=ecommerce)))


def ga_item(product, qty=1, options=""):
    item = {"item_id": product.sku, "item_name": product.name,
            "price": product.price / 100, "quantity": qty,
            "item_category": CATEGORIES[product.category][0]}
    if options:
        item["item_variant"] = options
    return item


ICON = {
    "search": '<circle cx="11" cy="11" r="7"/><path d="M20 20l-4-4"/>',
    "bag": '<path d="M5 8h14l1 13H4z"/><path d="M9 10V6a3 3 0 0 1 6 0v4"/>',
    "van": '<path d="M2 6h12v11H2zM14 10h5l3 4v3h-8z"/>'
           '<circle cx="7" cy="18" r="2"/><circle cx="17" cy="18" r="2"/>',
    "back": '<path d="M4 9h11a5 5 0 0 1 0 10H8"/><path d="M8 5L4 9l4 4"/>',
    "tag": '<path d="M3 12V4h8l10 10-8 8z"/><circle cx="8" cy="9" r="1.5"/>',
}


def icon(name):
    return ('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">%s</svg>'
            % ICON[name])


def navigation(current):
    return "".join(
        '<a href="/c/%s"%s>%s</a>'
        % (key, ' aria-current="page"' if key == current else "", value[0])
        for key, value in CATEGORIES.items())


def header(current, query):
    return """<a class="skip" href="#main">Skip to content</a>
<header class="top"><div class="wrap bar">
<a class="brand" href="/">Tarnwick</a>
<nav class="cats" aria-label="Categories">%s</nav>
<form class="search" action="/search" role="search">%s
<input name="q" type="search" value="%s" placeholder="Search" \
aria-label="Search the shop" maxlength="80" autocomplete="off"></form>
<a class="bag" href="/cart" aria-label="Cart">%s<span data-count hidden>\
</span></a></div></header>""" % (navigation(current), icon("search"),
                                 esc(query), icon("bag"))


FOOTER = """<footer class="foot"><div class="wrap cols">
<div><strong>Tarnwick</strong><p>Things for the house and the hills, made \
to be repaired. A demonstration shop: nothing here is really sold.</p></div>
<div><strong>Service</strong><a href="/returns">Returns, 30 days</a>\
<a href="/price-match">Price match</a><a href="/cart">Your cart</a></div>
<div><strong>Legal</strong><a href="/privacy">Privacy</a>\
<a href="/cookies">Cookie settings</a></div></div></footer>"""


def consent_form(label, back):
    return """<form method="post" action="/consent">
<input type="hidden" name="back" value="%s">
<p>%s</p><div class="row"><button class="button" name="choice" value="all">\
Accept all</button><button class="button" name="choice" value="necessary">\
Only necessary</button></div></form>""" % (esc(back), label)


CONSENT_TEXT = ("We use cookies that the cart needs. With your permission "
                "we also use them to improve the shop and to remind you of "
                "a cart you left. <a href=\"/privacy\">Privacy</a>")


def banner(back):
    """Part of each page, as pages are the same for all; the script shows it
    to those who have not chosen yet."""
    return ('<div class="consent" role="region" aria-label="Cookies" '
            'data-consent>%s</div>' % consent_form(CONSENT_TEXT, back))


def page(title, body, path="/", current="", query="", head="", kind="page",
         after="", ask=True):
    return """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title><meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/shop.css?v=%s">
<script src="/static/shop.js?v=%s" defer></script>%s</head>
<body data-page="%s">%s<main id="main" class="wrap">%s</main>%s%s%s
</body></html>
""" % (esc(title + " · " + NAME), VERSION, VERSION, head, kind,
       header(current, query), body, FOOTER, banner(path) if ask else "",
       after)
