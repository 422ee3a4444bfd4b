#!/usr/bin/python3
"""The demo's storefront: an HTTP/1.1 server on the loopback address.

    shop.py --port PORT [--url PUBLIC_URL] [--bind ADDRESS]
"""

import argparse
import datetime
import http.server
import json
import re
import socketserver
import sys
import threading
import urllib.parse
from http.cookies import CookieError, SimpleCookie

from storefront import checkout, layout, pages, pictures
from storefront.cart import SHIPPING, Refused, Store
from storefront.catalogue import BY_SLUG, CATEGORIES

BODY_MAX = 65536
PUBLIC = "public, max-age=60"
PRIVATE = "private, no-store"
STORE = Store()

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,180}\.[A-Za-z]{2,}")
PICTURE = re.compile(r"/img/([a-z-]+)(?:\.([a-z]+))?\.svg")


class Answer:
    def __init__(self, status, body=b"", kind="text/html; charset=utf-8",
                 cache=PRIVATE, location=None):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.kind = kind
        self.cache = cache
        self.location = location


def redirect(location, status=302):
    return Answer(status, location=location)


def as_json(value, status=200):
    return Answer(status, json.dumps(value, ensure_ascii=False),
                  "application/json; charset=utf-8")


def luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card_problem(form):
    """(status, words) of a card that is refused, None for a good one."""
    number = re.sub(r"[ -]", "", form.get("card", ""))
    if not re.fullmatch(r"[0-9]{13,19}", number) or not luhn(number):
        return 422, "Please check the card number."
    parts = re.fullmatch(r"\s*([01]?[0-9])\s*/\s*(?:20)?([0-9]{2})\s*",
                         form.get("exp", ""))
    today = datetime.date.today()
    if parts is None or not 1 <= int(parts[1]) <= 12 or \
            (2000 + int(parts[2]), int(parts[1])) < (today.year, today.month):
        return 422, "Please check the expiry date, month and year."
    if not re.fullmatch(r"[0-9]{3,4}", form.get("cvc", "").strip()):
        return 422, "Please check the CVC, the three digits on the back."
    if number == "4000000000000002":
        return 402, "Your card was declined. Try another one, or pay cash."
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tarnwick"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 65
    base = ""

    def log_message(self, *args):
        pass

    # one request

    def prepare(self):
        self.set_cookies = []
        self.session = None
        parts = urllib.parse.urlsplit(self.path)
        self.route = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query[:2048]))
        try:
            jar = SimpleCookie(self.headers.get("Cookie", ""))
            self.cookies = {k: v.value for k, v in jar.items()}
        except CookieError:
            self.cookies = {}
        self.wants_json = "application/json" in self.headers.get("Accept", "")

    def do_GET(self):
        self.prepare()
        self.serve(self.get)

    do_HEAD = do_GET

    def do_POST(self):
        self.prepare()
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self.send(Answer(413 if length.isdigit() else 411))
            return
        body = self.rfile.read(int(length))
        try:
            self.form = dict(urllib.parse.parse_qsl(
                body.decode("utf-8", "replace"), keep_blank_values=True,
                max_num_fields=100))
        except ValueError:
            self.send(Answer(400, pages.problem(400, "Bad request")))
            return
        self.serve(self.post)

    def serve(self, method):
        try:
            with STORE.lock:
                self.session = STORE.get(self.cookies.get("shop_sid"))
                answer = method()
        except Exception as problem:
            self.log_problem(problem)
            answer = Answer(500, pages.problem(500, "Something broke here"))
        if answer is None:
            answer = Answer(404, pages.problem(404, "Not found"))
        self.send(answer)

    def log_problem(self, problem):
        sys.stderr.write("%s %s: %r\n" % (self.command, self.route, problem))
        sys.stderr.flush()

    def send(self, answer):
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        if answer.body:
            self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", answer.cache)
        self.send_header("X-Content-Type-Options", "nosniff")
        for cookie in self.set_cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def cookie(self, name, value, seconds=None, hidden=False):
        self.set_cookies.append("%s=%s; Path=/; SameSite=Lax%s%s" % (
            name, value, "; HttpOnly" if hidden else "",
            "" if seconds is None else "; Max-Age=%d" % seconds))

    def begin(self):
        if self.session is None:
            self.session = STORE.start()
            self.cookie("shop_sid", self.session.sid, hidden=True)

    def count(self):
        self.cookie("shop_count", self.session.count)

    # pages

    def get(self):
        route = self.route
        name = route[3:]
        if route == "/":
            return Answer(200, pages.home(), cache=PUBLIC)
        if route.startswith("/c/") and name in CATEGORIES:
            return Answer(200, pages.category(name), cache=PUBLIC)
        if route.startswith("/p/") and name in BY_SLUG:
            return Answer(200, pages.product(BY_SLUG[name], self.base),
                          cache=PUBLIC)
        if route == "/search":
            return Answer(200, pages.search(self.query.get("q", "")[:80]),
                          cache=PUBLIC)
        if route[1:] in pages.TEXTS:
            return Answer(200, pages.text(route[1:]), cache=PUBLIC)
        if route == "/cookies":
            return Answer(200, pages.cookies(
                self.cookies.get("demo_consent")))
        return self.get_file() or self.get_own()

    def get_file(self):
        cache = "public, max-age=3600"
        if self.route.startswith("/static/"):
            found = layout.STATIC.get(self.route[8:])
            return found and Answer(200, found[1], found[0], cache)
        if self.route in ("/favicon.svg", "/favicon.ico"):
            return Answer(200, pictures.favicon(), "image/svg+xml", cache)
        match = PICTURE.fullmatch(self.route)
        picture = match and pictures.product(match[1], match[2])
        return picture and Answer(200, picture, "image/svg+xml", cache)

    def get_own(self):
        session = self.session
        route = self.route
        if route == "/cart":
            return Answer(200, checkout.cart(session,
                                             self.query.get("error")))
        if route == "/cart.json":
            if session is None:
                return as_json({"id": None, "currency": "EUR", "total": 0,
                                "subtotal": 0, "discount": 0,
                                "shipping": None, "coupon": None,
                                "count": 0, "items": []})
            return as_json(session.as_json())
        if route.startswith("/order/"):
            order = session and session.find_order(route[7:])
            return order and Answer(200, checkout.order(order))
        if route == "/checkout" or route.startswith("/checkout/"):
            return self.checkout_page(route[10:])
        return None

    def checkout_page(self, step):
        back = self.missing(step)
        if back:
            return redirect(back)
        if step == "":
            return Answer(200, checkout.contact(self.session,
                                                self.session.contact))
        if step == "shipping":
            return Answer(200, checkout.shipping(self.session,
                                                 self.session.address))
        if step == "payment":
            return Answer(200, checkout.payment(self.session))
        return redirect("/checkout") if step == "contact" else None

    def missing(self, step):
        """Where the shopper must go first; None where the step may come."""
        session = self.session
        if session is None or not session.lines:
            return "/cart"
        if step in ("shipping", "payment") and not session.contact:
            return "/checkout"
        if step == "payment" and not session.shipping:
            return "/checkout/shipping"
        return None

    # acts

    def post(self):
        route = self.route
        if route.startswith("/cart/"):
            return self.change_cart(route[6:])
        if route == "/consent":
            return self.consent()
        if route == "/demo/reset":
            return self.reset()
        if route.startswith("/checkout/"):
            step = route[10:]
            if step not in ("contact", "shipping", "payment"):
                return None
            back = self.missing(step)
            if back:
                return redirect(back, 303)
            return getattr(self, "post_" + step)()
        return None

    def change_cart(self, act):
        if act not in ("add", "update", "remove", "coupon"):
            return None
        form = self.form
        options = {k[7:]: v for k, v in form.items()
                   if k.startswith("option.")}
        try:
            qty = int(form.get("qty") or "1")
        except ValueError:
            qty = -1
        self.begin()
        sku = form.get("sku", "")
        try:
            if act == "add":
                self.session.add(sku, qty, options)
            elif act == "update":
                self.session.update(sku, qty, options)
            elif act == "remove":
                self.session.update(sku, 0, options)
            else:
                self.session.apply(form.get("code", ""))
        except Refused as refused:
            word = str(refused)
            if self.wants_json:
                return as_json({"ok": False, "error": word}, 422)
            return redirect("/cart?error=" + word)
        self.count()
        if self.wants_json:
            return as_json({"ok": True, "cart": self.session.as_json()})
        return redirect("/cart")

    def consent(self):
        choice = self.form.get("choice")
        if choice not in ("all", "necessary"):
            return Answer(400, pages.problem(400, "No such choice"))
        self.begin()
        self.cookie("demo_consent", choice, 180 * 86400)
        if self.wants_json:
            return as_json({"ok": True, "choice": choice})
        back = self.form.get("back", "/")
        if not re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", back):
            back = "/"
        return redirect(back, 303)

    def reset(self):
        STORE.forget(self.cookies.get("shop_sid"))
        for name in ("shop_sid", "shop_count", "demo_consent"):
            self.cookie(name, "", 0)
        return Answer(204)

    def post_contact(self):
        form = {k: v.strip()[:120] for k, v in self.form.items()}
        problem = None
        if not EMAIL.fullmatch(form.get("email", "")):
            problem = "Please check the e-mail address."
        elif not form.get("name"):
            problem = "Please tell us your name."
        elif form.get("country", "DE") not in checkout.COUNTRIES:
            problem = "We do not ship to this country yet."
        elif form.get("phone") and not re.fullmatch(r"[0-9+ ()/.-]{5,24}",
                                                    form["phone"]):
            problem = "Please check the phone number, or leave it out."
        if problem:
            return Answer(422, checkout.contact(self.session, form, problem))
        self.session.contact = {
            k: form.get(k, "") for k in ("email", "name", "phone", "country")}
        self.session.contact["marketing"] = form.get("marketing") == "1"
        return redirect("/checkout/shipping", 303)

    def post_shipping(self):
        form = {k: v.strip()[:120] for k, v in self.form.items()}
        words = [form[k] for k in ("street", "postcode", "city") if k in form]
        if form.get("method") not in SHIPPING or not all(words):
            return Answer(422, checkout.shipping(
                self.session, form, "Please give the address and choose how "
                "we deliver."))
        self.session.shipping = form["method"]
        self.session.address = {k: form.get(k, "") for k in
                                ("street", "postcode", "city")}
        return redirect("/checkout/payment", 303)

    def post_payment(self):
        method = self.form.get("method", "")
        problem = None
        if method == "card":
            problem = card_problem(self.form)
        elif method != "cod":
            problem = 422, "Please choose how to pay."
        if problem:
            return Answer(problem[0], checkout.payment(self.session, method,
                                                       problem[1]))
        try:
            order = self.session.order(STORE.next_number(), method)
        except Refused:
            return redirect("/cart?error=stock", 303)
        self.count()
        return redirect("/order/%s?total=%d&currency=EUR"
                        % (order["id"], order["total"]), 303)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        problem = sys.exc_info()[1]
        if not isinstance(problem, (ConnectionError, TimeoutError)):
            sys.stderr.write("connection: %r\n" % problem)


def main():
    parser = argparse.ArgumentParser(description="The demo's storefront.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    Handler.base = (options.url
                    or "http://%s:%d" % (options.bind, options.port))
    server = Server((options.bind, options.port), Handler)
    print("listening on %s:%d" % server.server_address, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


threading.stack_size(512 * 1024)

if __name__ == "__main__":
    main()
