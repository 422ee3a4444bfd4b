"""Shoppers in number, and the comparison of Redis with the origin."""

import asyncio
import base64
import json
import random
import time
from urllib.parse import urlencode

from .shop import PRICES, value


class Failure:
    """An exchange that went wrong for its client."""

    def __init__(self, what, began):
        self.what, self.began, self.ended = what, began, time.monotonic()


async def exchange(port, method, path, cookies, form=None, timeout=20):
    """One request on its own connection: (status, headers).  A kept one may
    be closed by a server at any time, which would be nobody's error."""
    body = urlencode(form).encode() if form else b""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: shop.test",
             "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
             "Accept: application/json", "Connection: close"]
    if cookies:
        lines.append("Cookie: " + "; ".join("%s=%s" % c
                                            for c in cookies.items()))
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded",
                  "Content-Length: %d" % len(body)]
    raw = await asyncio.wait_for(talk(port, (
        "\r\n".join(lines) + "\r\n\r\n").encode() + body), timeout)
    head, end, rest = raw.partition(b"\r\n\r\n")
    if not end:
        raise ConnectionError("cut off after %d bytes" % len(raw))
    first, *more = head.decode("latin-1").split("\r\n")
    headers = [(n.lower(), v.strip()) for n, _, v in
               (line.partition(":") for line in more)]
    length = dict(headers).get("content-length")
    if length is not None and int(length) != len(rest):
        raise ConnectionError("%d of %s bytes" % (len(rest), length))
    return int(first.split()[1]), headers


async def talk(port, raw):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        await writer.drain()
        return await reader.read(-1)
    finally:
        writer.close()


class Shopper:
    """Adds, changes, may leave an address, may order."""

    def __init__(self, rnd, number):
        self.number, self.cookies = number, {}
        self.unsure = self.ordered = False
        skus = rnd.sample(sorted(PRICES), 2)
        self.todo = [("add", skus[0], rnd.randint(1, 3))]
        for _ in range(rnd.choice((0, 1, 1, 2))):
            self.todo.append((rnd.choice(("add", "update")), rnd.choice(skus),
                              rnd.randint(1, 5)))
        if rnd.random() < 0.35:
            self.todo.insert(rnd.randint(1, len(self.todo)), ("contact",))
        if rnd.random() < 0.2:
            self.todo.append(("order",))
        self.busy = False

    @property
    def visitor(self):
        """The 32 hex digits under which Redis knows this shopper."""
        sid = self.cookies.get("cr_sid")
        return base64.urlsafe_b64decode(sid + "=")[:16].hex() if sid else None

    async def step(self, port):
        what, *rest = self.todo[0]
        if what in ("add", "update"):
            status, headers = await exchange(
                port, "POST", "/cart/" + what, self.cookies,
                {"sku": rest[0], "qty": rest[1]})
            good = status == 200
        elif what == "contact":
            status, headers = await exchange(
                port, "POST", "/checkout/contact", self.cookies,
                {"email": "s%d@example.com" % self.number, "name": "A B",
                 "country": "DE", "marketing": 1})
            good = status == 303
        else:
            status, headers = await exchange(
                port, "POST", "/checkout/payment", self.cookies,
                {"method": "cod"})
            good = self.ordered = status == 303
        for name, value in headers:
            if name == "set-cookie":
                key, _, val = value.split(";")[0].partition("=")
                self.cookies[key] = val
        if not good:
            raise ConnectionError("status %d" % status)
        self.todo.pop(0)
        return what


class Load:
    """Paced steps of ever new shoppers until stop() is called; of the same
    ones over and over as soon as there is a whole population."""

    def __init__(self, port, rate, seed=1, window=300, population=None):
        self.port, self.rate, self.window = port, rate, window
        self.population = population
        self.rnd = random.Random(seed)
        self.shoppers, self.active, self.tasks = [], [], set()
        self.failures, self.times = [], []
        self.counts = {"add": 0, "update": 0, "contact": 0, "order": 0}
        self.running, self.seconds = True, 0.0

    def stop(self):
        self.running = False

    @property
    def cart_events(self):
        return self.counts["add"] + self.counts["update"]

    def pick(self):
        while len(self.active) < self.window and self.running:
            if self.population and len(self.shoppers) >= self.population:
                self.active.append(self.again())
                continue
            shopper = Shopper(self.rnd, len(self.shoppers) + 1)
            self.shoppers.append(shopper)
            self.active.append(shopper)
        for _ in range(8):
            if not self.active:
                return None
            i = self.rnd.randrange(len(self.active))
            if not self.active[i].busy:
                return self.active[i]
        return None

    def again(self):
        """One who has been here before and changes his mind."""
        while True:
            shopper = self.rnd.choice(self.shoppers)
            if not (shopper.todo or shopper.busy or shopper.unsure
                    or shopper.ordered):
                shopper.todo = [("update", self.rnd.choice(sorted(PRICES)),
                                 self.rnd.randint(1, 5))]
                return shopper

    async def one(self, shopper):
        began = time.monotonic()
        try:
            self.counts[await shopper.step(self.port)] += 1
            self.times.append((began, time.monotonic() - began))
        except (OSError, asyncio.TimeoutError, ValueError, EOFError) as e:
            self.failures.append(Failure("%s: %s" % (
                type(e).__name__, e), began))
            shopper.unsure, shopper.todo = True, []
        shopper.busy = False
        if not shopper.todo and shopper in self.active:
            self.active.remove(shopper)

    async def run(self):
        """Paced by the clock; then what has begun is finished."""
        began, sent = time.monotonic(), 0
        while self.running:
            due = (time.monotonic() - began) * self.rate
            while sent < due and len(self.tasks) < 128:
                shopper = self.pick()
                if shopper is None:
                    break
                self.launch(shopper)
                sent += 1
            sent = max(sent, due - self.rate)
            await asyncio.sleep(0.01)
        self.seconds = time.monotonic() - began
        while self.tasks:
            await asyncio.wait(self.tasks)

    def launch(self, shopper):
        shopper.busy = True
        task = asyncio.ensure_future(self.one(shopper))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def p99(self, since, until):
        part = sorted(t for at, t in self.times if since <= at < until)
        return part[len(part) * 99 // 100] if part else float("nan")

    def rate_between(self, since, until):
        part = [1 for at, _ in self.times if since <= at < until]
        return len(part) / (until - since)


def stream(redis, site="test"):
    """All entries of the ingest stream: (entry id, fields with d parsed)."""
    out, last = [], "-"
    while True:
        part = redis.call("XRANGE", "cr:{%s}:in" % site, last, "+", "COUNT",
                          2000)
        for entry, fields in part:
            pairs = dict(zip(fields[::2], fields[1::2]))
            pairs["d"] = json.loads(pairs.get("d") or "{}")
            out.append((entry, pairs))
        if len(part) < 2000:
            return out
        last = "(" + part[-1][0]


def order_of(seq):
    """"EPOCH-COUNTER" as something that compares."""
    epoch, _, counter = seq.partition("-")
    return int(epoch), int(counter or 0)


def folded(entries):
    """Visitor -> what the stream says in the end, as the worker folds it."""
    seen = {}
    for _, e in entries:
        v = seen.setdefault(e["v"], {"cart": None, "seq": (0, 0),
                                     "contact": None, "orders": {}})
        if e["t"] == "cart" and order_of(e["seq"]) > v["seq"]:
            v["cart"], v["seq"] = e["d"], order_of(e["seq"])
        elif e["t"] == "contact":
            v["contact"] = e["d"]
        elif e["t"] == "order":
            v["orders"][e["d"].get("id")] = e["d"].get("total")
    return seen


def same_cart(cart, got):
    """Lines and total.  An order ends a cart: whether the stream says last
    what was ordered or that nothing is left is the same to the worker."""
    if got is None:
        return False
    lines = {i["r"]: i["q"] for i in got.get("items", [])}
    if cart.ordered is not None and lines != cart.lines:
        return lines == cart.ordered and got.get("total") == value(lines)
    return lines == cart.lines and got.get("total") in (
        (cart.total,) if lines else (0, None))


def losses(shoppers, carts, entries):
    """Every cart, contact and order that the origin accepted and the stream
    does not have, and orders that never were."""
    seen, lost, nobody = folded(entries), [], {"cart": None, "contact": None,
                                               "orders": {}}
    for s in shoppers:
        cart = carts.get(s.cookies.get("shop_sid"))
        if cart is None or s.unsure:
            continue
        got = seen.get(s.visitor, nobody)
        if not same_cart(cart, got["cart"]):
            lost.append("cart of %s: %d %s, stream has %s" % (
                cart.sid, cart.total, cart.lines, got["cart"]))
        if cart.email and not got["contact"]:
            lost.append("contact of %s" % cart.sid)
        for number, total in cart.orders:
            if got["orders"].get(number, "none") != total:
                lost.append("order %s of %s: %d, stream has %s" % (
                    number, cart.sid, total, got["orders"]))
    accepted = {n for c in carts.values() for n, _ in c.orders}
    for v in seen.values():
        lost += ["order %s never was" % n for n in v["orders"]
                 if n not in accepted]
    return lost


def duplicates(entries):
    ids = [e["e"] for _, e in entries]
    return len(ids) - len(set(ids))
