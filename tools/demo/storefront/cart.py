"""Sessions, carts and orders.  All in memory; one lock; bounded."""

import secrets
import threading
import time

from .catalogue import BY_SKU, CURRENCY, colour_name

SESSIONS_MAX = 20000
SESSION_SECONDS = 24 * 3600
LINES_MAX = 40
QTY_MAX = 20
FREE_SHIPPING_FROM = 5000
SHIPPING = {"standard": ("Standard, 2 to 4 working days", 490),
            "express": ("Express, next working day", 990)}
COUPONS = {"SAVE10": 10}


class Refused(Exception):
    """The cart stays as it is; the word is the answer's "error"."""


class Line:
    def __init__(self, product, options, qty):
        self.product = product
        self.options = options
        self.qty = qty

    @property
    def key(self):
        return (self.product.sku, tuple(self.options.items()))

    @property
    def total(self):
        return self.product.price * self.qty

    def option_text(self):
        return "&".join("%s=%s" % item for item in self.options.items())

    def label(self):
        words = [colour_name(v) if k == "colour" else v
                 for k, v in self.options.items()]
        return ", ".join(words)


class Session:
    def __init__(self, sid):
        self.sid = sid
        self.seen = time.time()
        self.contact = {}
        self.address = {}
        self.orders = []
        self.empty()

    def empty(self):
        self.cart_id = "c" + secrets.token_hex(8)
        self.lines = []
        self.coupon = None
        self.shipping = None

    @property
    def count(self):
        return sum(line.qty for line in self.lines)

    @property
    def subtotal(self):
        return sum(line.total for line in self.lines)

    @property
    def discount(self):
        if self.coupon is None:
            return 0
        return (self.subtotal * COUPONS[self.coupon] + 50) // 100

    def shipping_cost(self, method):
        goods = self.subtotal - self.discount
        if method == "standard" and goods >= FREE_SHIPPING_FROM:
            return 0
        return SHIPPING[method][1]

    @property
    def total(self):
        shipping = self.shipping_cost(self.shipping) if self.shipping else 0
        return self.subtotal - self.discount + shipping

    def as_json(self):
        shipping = None
        if self.shipping:
            shipping = self.shipping_cost(self.shipping) / 100
        return {
            "id": self.cart_id, "currency": CURRENCY,
            "total": self.total / 100, "subtotal": self.subtotal / 100,
            "discount": self.discount / 100, "shipping": shipping,
            "coupon": self.coupon, "count": self.count,
            "items": [{"sku": line.product.sku, "name": line.product.name,
                       "qty": line.qty, "price": line.product.price / 100,
                       "options": line.option_text(),
                       "url": line.product.url,
                       "picture": line.product.picture(
                           line.options.get("colour"))}
                      for line in self.lines]}

    def find(self, sku, options):
        """The line of a SKU; without options the first one."""
        for line in self.lines:
            if line.product.sku == sku and (not options
                                            or line.options == options):
                return line
        return None

    def add(self, sku, qty, options):
        product = BY_SKU.get(sku)
        if product is None or qty < 1:
            raise Refused("unknown")
        chosen = {}
        for name, values in product.options().items():
            value = options.get(name, values[0])
            if value not in values:
                raise Refused("unknown")
            chosen[name] = value
        line = self.find(sku, chosen)
        if line is None or line.options != chosen:
            line = Line(product, chosen, 0)
        self.check(product, qty + self.qty_of(product), line.qty + qty)
        if line.qty == 0:
            if len(self.lines) >= LINES_MAX:
                raise Refused("stock")
            self.lines.append(line)
        line.qty += qty
        return line

    def qty_of(self, product):
        return sum(x.qty for x in self.lines if x.product is product)

    @staticmethod
    def check(product, of_product, of_line):
        if of_product > product.stock or of_line > QTY_MAX:
            raise Refused("stock")

    def update(self, sku, qty, options):
        line = self.find(sku, options)
        if line is None or qty < 0:
            raise Refused("unknown")
        if qty == 0:
            self.lines.remove(line)
            return line
        self.check(line.product, self.qty_of(line.product) - line.qty + qty,
                   qty)
        line.qty = qty
        return line

    def apply(self, code):
        code = code.strip().upper()
        if code not in COUPONS or not self.lines:
            raise Refused("coupon")
        self.coupon = code

    def order(self, number, payment):
        """Turns the cart into an order.  The caller has taken the money."""
        for line in self.lines:
            if line.qty > line.product.stock:
                raise Refused("stock")
        for line in self.lines:
            line.product.stock -= line.qty
        order = {"id": number, "total": self.total, "lines": self.lines,
                 "subtotal": self.subtotal, "discount": self.discount,
                 "coupon": self.coupon, "payment": payment,
                 "method": self.shipping,
                 "shipping": self.shipping_cost(self.shipping),
                 "contact": self.contact, "address": self.address}
        self.orders = (self.orders + [order])[-20:]
        self.contact, self.address = {}, {}
        self.empty()
        return order

    def find_order(self, number):
        for order in self.orders:
            if order["id"] == number:
                return order
        return None


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.sessions = {}
        self.numbers = int(time.time()) % 100000000

    def get(self, sid):
        session = self.sessions.get(sid)
        if session is not None:
            session.seen = time.time()
        return session

    def start(self):
        if len(self.sessions) >= SESSIONS_MAX:
            self.expire()
        session = Session(secrets.token_hex(16))
        self.sessions[session.sid] = session
        return session

    def expire(self):
        """Drops what is old, and the oldest tenth where nothing is."""
        limit = time.time() - SESSION_SECONDS
        by_age = sorted(self.sessions.values(), key=lambda s: s.seen)
        spare = len(by_age) // 10
        for place, session in enumerate(by_age):
            if place < spare or session.seen < limit:
                del self.sessions[session.sid]

    def forget(self, sid):
        self.sessions.pop(sid, None)

    def next_number(self):
        self.numbers += 1
        return "TW%08d" % self.numbers
