"""An origin with the demo shop's interface that remembers what it accepted.

Its memory is the truth that Redis has to agree with afterwards.
"""

import asyncio
import json
from urllib.parse import parse_qs

PRICES = {"MUG-BLU": 1495, "LAMP-OAK": 8900, "RUG-SEA": 12950,
          "BOWL-RED": 725, "CLOCK-TIN": 3240}
STATUS = {200: "OK", 302: "Found", 303: "See Other", 404: "Not Found",
          422: "Unprocessable Entity"}


def value(lines):
    return sum(PRICES[sku] * n for sku, n in lines.items())


class Cart:
    """One shopper as the shop knows it."""

    def __init__(self, sid):
        self.sid, self.lines = sid, {}
        self.email = self.ordered = None
        self.orders = []

    @property
    def total(self):
        return value(self.lines)

    def json(self):
        return {"ok": True, "cart": {
            "id": "C" + self.sid, "currency": "EUR",
            "total": self.total / 100, "subtotal": self.total / 100,
            "shipping": None, "count": sum(self.lines.values()),
            "items": [{"sku": sku, "name": sku.title(), "qty": n,
                       "price": PRICES[sku] / 100, "options": ""}
                      for sku, n in self.lines.items()]}}


class Shop:
    def __init__(self):
        self.carts = {}
        self.sids = self.order_number = 0
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self.client, "127.0.0.1", 0,
                                                 backlog=1024)
        return self.server.sockets[0].getsockname()[1]

    def stop(self):
        self.server.close()

    async def client(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *rest = head.decode("latin-1").split("\r\n")
                headers = {}
                for h in rest:
                    name, _, value = h.partition(":")
                    if name:
                        headers[name.lower()] = value.strip()
                n = int(headers.get("content-length", 0))
                body = await reader.readexactly(n) if n else b""
                method, target, _ = line.split(" ")
                writer.write(self.answer(method, target, headers, body))
                await writer.drain()
                if headers.get("connection") == "close":
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError,
                ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, method, target, headers, body):
        path = target.split("?")[0]
        form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
        cart, fresh = self.cart(headers.get("cookie", ""))
        status, more, text = self.act(method, path, form, cart)
        lines = ["HTTP/1.1 %d %s" % (status, STATUS[status]),
                 "Content-Length: %d" % len(text),
                 "Cache-Control: private, no-store", *more]
        if fresh:
            lines.append("Set-Cookie: shop_sid=%s; Path=/; HttpOnly"
                         % cart.sid)
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + text

    def cart(self, cookies):
        for part in cookies.split("; "):
            if part.startswith("shop_sid=") and part[9:] in self.carts:
                return self.carts[part[9:]], False
        self.sids += 1
        cart = Cart("s%07d" % self.sids)
        self.carts[cart.sid] = cart
        return cart, True

    def act(self, method, path, form, cart):
        page = ["Content-Type: text/html; charset=utf-8"]
        if method == "POST" and path in ("/cart/add", "/cart/update"):
            sku, n = form["sku"], int(form["qty"])
            before = cart.lines.get(sku, 0) if path == "/cart/add" else 0
            cart.lines[sku] = before + n
            return (200, ["Content-Type: application/json"],
                    json.dumps(cart.json()).encode())
        if method == "GET" and path == "/cart.json":
            return (200, ["Content-Type: application/json"],
                    json.dumps(cart.json()).encode())
        if method == "POST" and path == "/checkout/contact":
            cart.email = form["email"]
            return 303, ["Location: /checkout/shipping", *page], b""
        if method == "POST" and path == "/checkout/payment":
            self.order_number += 1
            number, total = "N%06d" % self.order_number, cart.total
            cart.orders.append((number, total))
            cart.ordered, cart.lines = dict(cart.lines), {}
            return (303, ["Location: /order/%s?total=%d&currency=EUR"
                          % (number, total), *page], b"")
        return 200, page, b"<!doctype html><html><head></head>" \
            b"<body><p>A page of the shop.</p></body></html>"
