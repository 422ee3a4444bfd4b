"""A deterministic storefront page of a wanted size, and its gzip copy."""

import gzip
import json
import random

WORDS = ("linen cotton walnut copper harbour meadow ember slate cedar quartz "
         "willow amber saffron indigo maple cobalt fern pebble lantern anchor "
         "thimble basket kettle saddle garden orchard cellar mantle beacon "
         "drawer").split()
KINDS = "mug lamp chair rug bowl clock shelf blanket teapot mirror".split()


def title(rnd):
    return "%s %s %s" % (rnd.choice(WORDS).capitalize(), rnd.choice(WORDS),
                         rnd.choice(KINDS))


def styles(rnd):
    rules = []
    for i in range(75):
        rules.append(".s%d-%s{margin:%dpx %dpx;padding:%dpx;color:#%06x;"
                     "font-size:%dpx;border-radius:%dpx}"
                     % (i, rnd.choice(WORDS), rnd.randrange(32),
                        rnd.randrange(32), rnd.randrange(24),
                        rnd.randrange(1 << 24), 11 + rnd.randrange(14),
                        rnd.randrange(9)))
    return "<style>\n%s\n</style>" % "\n".join(rules)


def script(rnd):
    calls = ["shop.add('%s',%d);" % (rnd.choice(WORDS), rnd.randrange(1000))
             for _ in range(24)]
    return ("<script>\nwindow.shop={q:[],add:function(k,v)"
            "{if(k<'zz'&&v>-1)this.q.push([k,v])}};\n%s\n</script>"
            % "\n".join(calls))


def json_ld(rnd):
    graph = [{"@type": "Product", "sku": "SKU-%04d" % i, "name": title(rnd),
              "offers": {"@type": "Offer", "priceCurrency": "EUR",
                         "price": "%.2f" % (rnd.randrange(500, 20000) / 100),
                         "availability": "https://schema.org/InStock"}}
             for i in range(20)]
    doc = {"@context": "https://schema.org", "@graph": graph}
    return ('<script type="application/ld+json">%s</script>'
            % json.dumps(doc, separators=(",", ":")))


def card(rnd, i):
    name = title(rnd)
    return ('<article class="card s%d" data-sku="SKU-%04d">'
            '<a href="/p/item-%d"><img src="/img/%d.jpg" width="320" '
            'height="320" loading="lazy" alt="%s"></a><h3>%s</h3>'
            '<p class="price">%d.%02d EUR</p><p>%s.</p>'
            '<form method="post" action="/cart/add">'
            '<input type="hidden" name="sku" value="SKU-%04d">'
            '<button>Add to cart</button></form></article>\n'
            % (i % 75, i, i, i, name, name, rnd.randrange(5, 200),
               rnd.randrange(100),
               " ".join(rnd.choice(WORDS) for _ in range(14)).capitalize(), i))


def cart(rnd):
    """Three lines and the sums, marked up as the demo's profile reads them:
    a page of the cart has a cart in it."""
    out = ['<ul class="lines">']
    for i in range(3):
        out.append('<li class="line"><a class="name" href="/p/item-%d">%s</a>'
                   '<form method="post" action="/cart/update"><input '
                   'type="hidden" name="sku" value="SKU-%04d"><input '
                   'name="qty" type="number" value="%d"></form></li>'
                   % (i, title(rnd), i, i + 1))
    return "\n".join(out + [
        '</ul>', '<dl><dt>Subtotal</dt><dd>59.80 EUR</dd>',
        '<dt>Total</dt><dd>64.70 EUR</dd></dl>', ''])


def make(kb, seed=20):
    """The page as bytes: at least kb * 1024 of them, the same each time."""
    rnd = random.Random(seed)
    head = ['<!doctype html>', '<html lang="en">', '<head>',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            '<meta name="description" content="%s">' % title(rnd),
            '<meta property="og:title" content="%s">' % title(rnd),
            '<title>%s</title>' % title(rnd)]
    head += ['<link rel="preload" href="/static/%s-%d.woff2" as="font" '
             'crossorigin>' % (rnd.choice(WORDS), i) for i in range(10)]
    head += [styles(rnd), script(rnd), json_ld(rnd), '</head>', '<body>',
             '<header><a href="/">Home</a> <a href="/cart">Cart</a></header>',
             '<main>', '']
    out = "\n".join(head) + cart(rnd)
    tail = ("</main>\n<footer><p>Imprint, terms, privacy</p></footer>\n"
            "</body>\n</html>\n")
    i = 0
    while len(out) + len(tail) < kb * 1024:
        out += card(rnd, i)
        i += 1
    return (out + tail).encode()


def write(run, kb):
    """Writes page.html and page.html.gz for the origin; returns the bytes."""
    page = make(kb)
    for name, data in (("page.html", page),
                       ("page.html.gz", gzip.compress(page, 6, mtime=0))):
        with open(run + "/html/" + name, "wb") as f:
            f.write(data)
    return page
