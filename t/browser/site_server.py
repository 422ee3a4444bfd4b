"""A page that carries the beacon, a shop small enough to restore a cart in,
and a record of every body that arrives.  One server, one free port."""

import http.server
import json
import os
import threading
import time
import urllib.parse

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MIN = os.path.join(ROOT, "ngx_cartrecover_module", "web", "min")

PAGE = """<!doctype html><html lang="en"><head>%(tag)s<meta charset="utf-8">
<title>%(title)s</title><style>div{margin:8px;padding:8px;border:1px solid}
#tall{height:3000px}</style></head><body>
<a id="away" href="/away">away</a>
<button id="still" type="button">still</button>
<span><button id="more" type="button">+</button><input id="qty"
value="1"></span>
<form id="form" action="/away">
<input id="mail" type="email" autocomplete="section-a billing email">
<input id="card" autocomplete="billing cc-number">
<input id="one" required><input id="two" required><input id="three" required>
<input id="code" class="coupon"><button id="send">send</button></form>
<div id="ship">Shipping</div><div id="total">Total</div>
<div id="pay"><input type="radio" name="m" id="m1"><input type="radio"
name="m" id="m2"></div>
<div><input type="radio" name="c" id="c1"><input type="radio" name="c"
id="c2"></div>
<script>more.onclick = () => { qty.value = +qty.value + 1; };</script>
%(body)s<div id="tall"></div></body></html>"""

RESTORE = """<!doctype html><html><head><meta charset="utf-8"><title>r</title>
<script type="module" src="/_cr/r.js"></script></head><body>
<p id="cr-working" hidden>working</p><p id="cr-done" hidden>done</p>
<p id="cr-none" hidden>none</p><div id="cr-failed" hidden><ul id="cr-list">
</ul></div><a id="cr-go" hidden>go</a>
<script type="application/json" id="cr-cart">%s</script></body></html>"""


class Site:
    """Pages are looked up in .pages (path -> html or (html, headers))."""

    def __init__(self):
        self.bodies = []             # (seconds, path, headers, bytes)
        self.pages = {}
        self.cart = {}               # ref -> pieces
        self.stock = {}              # ref -> pieces there are
        self.opts = {}               # ref -> options as the shop writes them
        self.adds = []
        self.down = False
        self.lock = threading.Lock()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                site.get(self)

            def do_POST(self):
                site.post(self)

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.httpd.server_port
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def stop(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def page(self, path, call, title="page", body="", headers=None):
        """Serves PAGE at path; call is what nginx appends to b.js, None for a
        page without the tag.  Each page has a b.js of its own."""
        name = "/_cr%s/b.js" % path
        tag = ""
        if call is not None:
            tag = '<script async src="%s?v=0"></script>' % name
            self.pages[name] = script("b.js") + "(%s);" % json.dumps(call)
            self.pages["/_cr%s/g.js" % path] = script("g.js")
        self.pages[path] = (PAGE % {"tag": tag, "title": title, "body": body},
                            headers or {})

    def sent(self, path):
        """The beacon bodies of the page at path, as text."""
        with self.lock:
            return [b.decode() for _, p, _, b in self.bodies
                    if p == "/_cr%s/e" % path]

    def wait(self, path, enough, seconds=8):
        """Polls until enough(bodies) or the deadline; returns the bodies."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.sent(path)
            if enough(found):
                return found
            time.sleep(.05)
        return self.sent(path)

    # requests

    def answer(self, h, status, text, kind, headers=None):
        data = text.encode()
        h.send_response(status)
        if status != 204:
            h.send_header("Content-Type", kind)
        h.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            h.send_header(name, value)
        h.end_headers()
        h.wfile.write(data)

    def get(self, h):
        path = urllib.parse.urlsplit(h.path).path
        if path == "/cart.json":
            with self.lock:
                items = [{"sku": r, "qty": n, "opt": self.opts.get(r)}
                         for r, n in self.cart.items()]
                status = 500 if self.down else 200
            return self.answer(h, status, json.dumps({"items": items}),
                               "application/json")
        if path in ("/_cr/r.js",):
            return self.answer(h, 200, script("r.js"), "text/javascript")
        found = self.pages.get(path)
        if found is None and path in ("/away", "/cart"):
            found = ("<!doctype html><title>%s</title>" % path[1:], {})
        if found is None:
            return self.answer(h, 404, "", "text/plain")
        if isinstance(found, str):
            return self.answer(h, 200, found, "text/javascript")
        self.answer(h, 200, found[0], "text/html; charset=utf-8", found[1])

    def post(self, h):
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0))
        path = urllib.parse.urlsplit(h.path).path
        with self.lock:
            self.bodies.append((time.monotonic(), path, dict(h.headers), body))
        if path == "/cart/add":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            return self.add(h, form)
        self.answer(h, 204, "", "text/plain")

    def add(self, h, form):
        ref, qty = form["sku"], int(form["qty"])
        with self.lock:
            self.adds.append(form)
            held = self.cart.get(ref, 0)
            room = max(0, self.stock.get(ref, 99) - held)
            if room:
                self.cart[ref] = held + min(qty, room)
        if room:
            return self.answer(h, 200, '{"ok":true}', "application/json")
        self.answer(h, 422, '{"ok":false}', "application/json")


def script(name):
    with open(os.path.join(MIN, name)) as f:
        return f.read().strip()
