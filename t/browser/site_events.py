"""g.js: what a page says in its dataLayer and its JSON-LD."""

import time
import urllib.parse

BEFORE = """<script>
window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
dataLayer.push({event: "view_item", ecommerce: {currency: "EUR", value: 14.95,
    items: [{item_id: "SKU-1!~", item_name: "Blue \\u00e4 shirt", price: 14.95,
        quantity: 1}]}});
</script>"""

LD = """<script type="application/ld+json">{"@context": "https://schema.org",
"@graph": [{"@type": "WebPage"}, {"@type": "Product", "sku": "JP-1",
"name": "Cup", "offers": {"@type": "Offer", "price": "1200",
"priceCurrency": "JPY"}}]}</script>"""


def items(site, path):
    """The format 2 bodies of a page, as lists of fields behind seq and age."""
    return [b.split("~")[3:] for b in site.sent(path) if b.startswith("2~")]


def wait(site, path, n):
    end = time.monotonic() + 20
    while time.monotonic() < end and len(items(site, path)) < n:
        time.sleep(.05)
    return items(site, path)


def b36(s):
    return int(s, 36)


def run(s, ok):
    s.site.page("/data", {"g": 1}, body=BEFORE)
    s.open("/data")
    found = wait(s.site, "/data", 1)
    ok(len(found) == 1 and found[0][:2] == ["view_product", "EUR"]
       and b36(found[0][2]) == 1495, "an event from before g.js", found)
    ref, qty, price, name = found[0][4].split("!")
    ok((urllib.parse.unquote(ref), qty, b36(price), urllib.parse.unquote(name))
       == ("SKU-1!~", "1", 1495, "Blue \u00e4 shirt"), "and its item", found)

    s.driver.execute_script("""
        const e = {currency: "EUR", value: 29.9, items: [{item_id: "A",
            item_name: "a", price: "14.95", quantity: 2}]};
        gtag("event", "add_to_cart", e);
        dataLayer.push({event: "add_to_cart", ecommerce: e});
        dataLayer.push({event: "gtm.click"}, {event: "toString"}, null, 7);
        gtag("event", "purchase", {transaction_id: "10/001", currency: "KWD",
            value: 1.5, items: []});""")
    found = wait(s.site, "/data", 3)
    time.sleep(.3)
    found = items(s.site, "/data")
    ok([f[0] for f in found] == ["view_product", "add", "order"],
       "events from gtag() and GTM, each once, nothing else", found)
    ok(b36(found[1][2]) == 2990 and found[1][4].split("!")[1] == "2"
       and b36(found[1][4].split("!")[2]) == 1495, "amounts", found)
    ok(found[2][3] == "10%2F001" and b36(found[2][2]) == 1500,
       "an order's id, and three decimals", found)
    ok(s.driver.execute_script("return dataLayer.length") == 8,
       "the shop's own list is whole")

    s.site.page("/ld", {"g": 1}, body=LD)
    s.open("/ld")
    found = wait(s.site, "/ld", 1)
    ok(len(found) == 1 and found[0][:2] == ["view_product", "JPY"]
       and b36(found[0][2]) == 1200 and found[0][4].startswith("JP-1!1!"),
       "a product of JSON-LD", found)
    ok(s.driver.execute_script("return typeof window.dataLayer")
       == "undefined", "no dataLayer is made where there is none")

    s.site.page("/list", {"g": 1}, body=LD + LD)
    s.open("/list")
    time.sleep(1.5)
    ok(items(s.site, "/list") == [], "several products are a list",
       items(s.site, "/list"))

    s.site.page("/without", {}, body=LD + BEFORE)
    s.open("/without")
    time.sleep(1.5)
    ok(items(s.site, "/without") == [], "without g nothing is read",
       items(s.site, "/without"))
