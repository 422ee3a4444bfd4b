"""r.js: puts back what is missing, once, and says what it could not."""

import json
import time

from site_server import RESTORE

RECIPE = {
    "read": {"url": "/cart.json", "lines": "$.items[]", "ref": "sku",
             "qty": "qty"},
    "add": {"url": "/cart/add", "form": {"sku": "{ref}", "qty": "{qty}",
            "option.*": "{opt}"}, "fail": "error"},
    "then": "/cart"
}

CART = {"items": [{"r": "A", "q": 2, "name": "Cup"},
                  {"r": "B 1", "q": 1, "name": "<b>Plate</b>",
                   "opt": "size=M&colour=navy"},
                  {"r": "C", "q": 3, "name": "Fork"}]}


def open_page(s, path, recipe, held, stock=None, down=False, opts=None):
    s.site.pages[path] = (RESTORE % json.dumps(
        {"recipe": recipe, "cart": CART}).replace("<", "\\u003c"), {})
    s.site.cart.clear()
    s.site.cart.update(held)
    s.site.stock.clear()
    s.site.stock.update(stock or {})
    s.site.down = down
    s.site.opts = {"A": "colour=sand", "B 1": "colour=navy&size=M&gift=0"}
    s.site.opts.update(opts or {})
    del s.site.adds[:]
    s.open(path)


def wait(s, script, seconds=8):
    end = time.monotonic() + seconds
    value = None
    while time.monotonic() < end and not value:
        value = s.driver.execute_script("return " + script)
        time.sleep(.05)
    return value


def reports(s, path):
    return [b.decode() for _, p, _, b in s.site.bodies if p == path]


def run(s, ok):
    at_cart = "location.pathname == '/cart'"

    open_page(s, "/_cr/r/1", RECIPE, {})
    ok(wait(s, at_cart), "a whole cart leads to the shop's cart page")
    ok(s.site.cart == {"A": 2, "B 1": 1, "C": 3}, "every line is in it",
       s.site.cart)
    ok(s.site.adds[1] == {"sku": "B 1", "qty": "1", "option.size": "M",
                          "option.colour": "navy"}, "with its options",
       s.site.adds)
    ok(reports(s, "/_cr/r/1") == ["lines=3&failed=0"], "and is reported once",
       reports(s, "/_cr/r/1"))

    open_page(s, "/_cr/r/2", RECIPE, {"A": 2, "C": 1})
    ok(wait(s, at_cart), "a cart that is partly there")
    ok(s.site.cart == {"A": 2, "B 1": 1, "C": 3}, "gets what is missing",
       s.site.cart)
    ok([a["qty"] for a in s.site.adds] == ["1", "2"], "and no more",
       s.site.adds)

    open_page(s, "/_cr/r/3", RECIPE, {"A": 2, "B 1": 1, "C": 5, "X": 1})
    ok(wait(s, at_cart) and s.site.adds == [], "nothing is added twice",
       s.site.adds)

    reads = dict(RECIPE, read=dict(RECIPE["read"], opt="opt"))
    open_page(s, "/_cr/r/8", reads, {"A": 2, "B 1": 1, "C": 3})
    ok(wait(s, at_cart) and s.site.adds == [],
       "an option that only the shop knows makes no other line", s.site.adds)

    open_page(s, "/_cr/r/9", reads, {"A": 2, "B 1": 1, "C": 3},
              opts={"B 1": "size=L&colour=navy"})
    ok(wait(s, "!document.getElementById('cr-failed').hidden")
       and [a["sku"] for a in s.site.adds] == ["B 1"],
       "another option does", s.site.adds)

    open_page(s, "/_cr/r/4", RECIPE, {}, {"B 1": 0, "C": 1})
    ok(wait(s, "!document.getElementById('cr-failed').hidden"),
       "what the shop refuses is shown")
    told = s.driver.execute_script("return [...document.querySelectorAll("
                                   "'#cr-list li')].map(e => e.textContent)")
    ok(told == ["<b>Plate</b>", "2 \u00d7 Fork"],
       "by name, as text, with the pieces that are missing", told)
    ok(s.driver.execute_script("return location.pathname") == "/_cr/r/4"
       and s.el("#cr-go").get_attribute("href") == s.site.url + "/cart",
       "with a link to the cart instead of a jump")
    ok(reports(s, "/_cr/r/4") == ["lines=3&failed=2"], "and reported so",
       reports(s, "/_cr/r/4"))

    open_page(s, "/_cr/r/5", RECIPE, {}, down=True)
    ok(wait(s, "!document.getElementById('cr-none').hidden")
       and s.site.adds == [] and reports(s, "/_cr/r/5") == [],
       "a shop that cannot be read is not added to", s.site.adds)

    blind = {k: v for k, v in RECIPE.items() if k != "read"}
    open_page(s, "/_cr/r/6", blind, {})
    ok(wait(s, at_cart) and len(s.site.adds) == 3,
       "a shop without a way to read its cart gets each line", s.site.adds)

    away = dict(RECIPE, add=dict(RECIPE["add"],
                                 url="https://other.example/add"))
    open_page(s, "/_cr/r/7", away, {})
    ok(wait(s, "!document.getElementById('cr-failed').hidden")
       and s.site.adds == [], "another origin is never called")
