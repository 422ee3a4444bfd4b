#!/usr/bin/python3
"""The browser scripts in Chromium, against a server that records each body.
TAP.  Every wait is a poll with a deadline; each "nothing happens" stands
beside a control in which it does."""

import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
except ImportError:
    print("1..0 # SKIP python3-selenium is not installed")
    sys.exit(0)

import body_scan
import head_scan
import restore
import site_events
from site_server import Site

ZONES = ["#ship", "#total", "#pay", ".coupon", "#trust"]
CAPS = [9, 4, 4, 1, 8, 5, 6, 5, 3, 5, 5, 1, 6, 6, 6, 5]

GRAMMAR = re.compile(
    r"1~(?P<ptok>-|[A-Za-z0-9._-]{10,40})~(?P<seq>[0-9a-z]{1,8})"
    r"~(?P<age>[0-9a-z]{1,8})"
    r"~(?P<feats>[0-9a-z]{0,8}(?:\.[0-9a-z]{0,8}){15,31})"
    r"~(?P<depth>[0-9a-z]{0,8})\.(?P<fields>[0-9a-z]{1,8})"
    r"~(?P<events>(?:[A-Z][0-9a-z]{1,8}(?:_[0-9a-z.]{1,24})?){0,64})")

EVENT = re.compile(r"([A-Z])([0-9a-z]+)(?:_([0-9a-z.]+))?")

tests = 0
failed = 0


def ok(good, text, seen=None):
    global tests, failed
    tests += 1
    print("%sok %d - %s" % ("" if good else "not ", tests, text))
    if not good:
        failed += 1
        print("# saw %r" % (seen,))
    sys.stdout.flush()
    return good


def codes(bodies):
    """The events of all bodies: [(code, arg)]."""
    return [(e[0], e[2]) for b in bodies
            for e in EVENT.findall(GRAMMAR.fullmatch(b)["events"])]


def numbers(body):
    """The 16 numbers; None = unknown."""
    feats = GRAMMAR.fullmatch(body)["feats"].split(".")
    return [int(f, 36) / 100 if f else None for f in feats]


def count(bodies, code):
    return sum(1 for c, _ in codes(bodies) if c == code)


def browser(profile):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu",
                 "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--window-size=1000,800",
                 "--disable-dev-shm-usage", "--user-data-dir=" + profile):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"),
                            options=options)


class Shopper:
    """One driver, one site; each test opens a page of its own."""

    def __init__(self, driver, site):
        self.driver = driver
        self.site = site

    def open(self, path):
        self.driver.get(self.site.url + path)

    def el(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def move(self, x, y):
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent",
                                    {"type": "mouseMoved", "x": x, "y": y})

    def leave_page(self):
        self.open("/away")

    def wiggle(self):
        for i in range(8):
            self.move(300 + 10 * i, 300 + i)
            time.sleep(.02)


def well_formed(bodies):
    for body in bodies:
        m = GRAMMAR.fullmatch(body)
        if not m or len(body) > 1024:
            return False
        for value, cap in zip(numbers(body), CAPS):
            if value is not None and not 0 <= value <= cap:
                return False
    return bool(bodies)


def test_flow(s):
    s.site.page("/flow", {"z": ZONES})
    s.open("/flow")
    s.wiggle()
    first = s.site.wait("/flow", lambda b: len(b) >= 1)
    ok(len(first) == 1 and well_formed(first),
       "the first body comes while the page is open", first)
    ok(codes(first)[:1] == [("S", "")], "and begins with S", first)
    ok(numbers(first[0])[3] is not None, "the pointer is known", first)

    s.leave_page()
    bodies = s.site.wait("/flow", lambda b: len(b) >= 2)
    time.sleep(.5)
    bodies = s.site.sent("/flow")
    ok(len(bodies) == 2, "one body for the navigation", bodies)
    ok(well_formed(bodies), "every body is in the grammar", bodies)
    ok([GRAMMAR.fullmatch(b)["seq"] for b in bodies] == ["0", "1"],
       "seq rises", bodies)
    ok(count(bodies, "Q") + count(bodies, "H") == 1,
       "one end of the page view", bodies)

    heads = [h for _, p, h, _ in s.site.bodies if p == "/_cr/flow/e"]
    ok(all(h.get("Content-Type") == "text/plain;charset=UTF-8"
           for h in heads), "text/plain", heads)


def test_quiet(s):
    s.site.page("/quiet", {})
    s.open("/quiet")
    s.driver.execute_script("return 1")
    time.sleep(2)
    ok(s.site.sent("/quiet") == [], "nothing is sent before the shopper acts",
       s.site.sent("/quiet"))
    s.leave_page()
    bodies = s.site.wait("/quiet", lambda b: len(b) >= 1)
    ok(len(bodies) == 1 and well_formed(bodies),
       "the page's end alone makes one body", bodies)
    ok(bodies and numbers(bodies[0])[:4] == [None] * 4,
       "a pointer that was never seen is unknown", bodies)
    ok(bodies and numbers(bodies[0])[12:15] == [None] * 3,
       "zones that the shop does not name are unknown", bodies)


def test_consent(s):
    rule = {"c": ["shop-consent", "statistics:yes"]}
    probe = """
        window.seen = [];
        for (const t of [EventTarget.prototype]) {
            const add = t.addEventListener;
            t.addEventListener = function (name, f, o) {
                window.seen.push(name);
                return add.call(this, name, f, o);
            };
        }"""
    body = "<script>%s</script>" % probe

    for cookie, arrives, text in (
            (None, False, "no cookie"),
            ("shop-consent=statistics:no", False, "refused"),
            ("xshop-consent=statistics:yes", False, "another cookie"),
            ("shop-consent=%7Bstatistics%3Ayes%7D", True, "granted"),
            ("shop-consent=%E0%A4%A;a=b", False, "broken encoding")):
        path = "/consent%d" % tests
        s.site.page(path, rule)
        html, _ = s.site.pages[path]
        s.site.pages[path] = (html.replace("<head>", "<head>" + body), {})
        s.driver.delete_all_cookies()
        s.open("/away")
        if cookie:
            s.driver.execute_script("document.cookie = arguments[0]",
                                    cookie + ";path=/")
        s.open(path)
        s.driver.execute_script("return new Promise(r => setTimeout(r, 400))")
        s.wiggle()
        names = s.driver.execute_script("return window.seen")
        s.leave_page()
        bodies = s.site.wait(path, lambda b: len(b) >= 1,
                             8 if arrives else 1.5)
        ok(bool(bodies) == arrives, "%s: %s" % (
            text, "bodies" if arrives else "no body"), bodies)
        ok(("pointermove" in names) == arrives, "%s: %s" % (
            text, "listens" if arrives else "no listener"), names)

    path = "/withdrawn"
    s.site.page(path, rule)
    s.driver.delete_all_cookies()
    s.open("/away")
    s.driver.execute_script(
        "document.cookie = 'shop-consent=statistics:yes;path=/'")
    s.open(path)
    s.wiggle()
    before = len(s.site.wait(path, lambda b: len(b) >= 1))
    s.driver.execute_script(
        "document.cookie = 'shop-consent=statistics:no;path=/'")
    s.wiggle()
    s.leave_page()
    time.sleep(1)
    ok(before == 1 and len(s.site.sent(path)) == 1,
       "a withdrawal stops the beacon", s.site.sent(path))
    s.driver.delete_all_cookies()


def test_signals(s):
    s.site.page("/signals", {"z": ZONES})
    s.open("/signals")
    s.wiggle()
    s.el("#mail").click()
    s.el("#mail").send_keys("ada@private.example")
    s.el("#card").click()
    s.el("#card").send_keys("4111111111111111")
    s.el("#code").click()
    s.el("#code").send_keys("SECRETCODE")
    s.el("#send").click()
    for css in ("#m1", "#m2", "#m1", "#c1", "#c2"):
        s.el(css).click()
    for css in ("#more", "#still"):
        box = s.el(css)
        ActionChains(s.driver, duration=20).move_to_element(box) \
            .click().click().click().perform()
    s.driver.execute_script(
        "document.dispatchEvent(new ClipboardEvent('copy'));"
        "setTimeout(() => { throw new Error('secret text') })")
    time.sleep(.8)
    s.leave_page()
    bodies = s.site.wait("/signals", lambda b: count(b, "Q") + count(b, "H"))
    all_codes = codes(bodies)
    ok(well_formed(bodies), "every body is in the grammar", bodies)
    ok([a for c, a in all_codes if c == "F"][:3] == ["e", "c", "k"],
       "fields are told by their class", all_codes)
    ok(count(bodies, "I") == 1, "three empty fields are one bounce",
       all_codes)
    ok(count(bodies, "P") == 3, "radios of the payment zone alone",
       all_codes)
    ok(count(bodies, "R") == 1, "three idle clicks are rage, + + + is not",
       all_codes)
    ok(count(bodies, "C") == 1 and count(bodies, "E") == 1,
       "a copy and an error are counted", all_codes)
    last = numbers(bodies[-1])
    ok(last[8:12] == [1, 3, 1, 1], "and so are the numbers", last)
    ok(last[12] is not None and last[12] > 0, "dwell on the shipping zone",
       last)

    sent = "".join(bodies).lower()
    words = ("ada", "private", "4111", "secret", "mail", "card", "ship")
    ok(not any(w in sent for w in words), "no text in any body", sent)
    ok(max(map(len, bodies)) <= 512, "bodies are small",
       [len(b) for b in bodies])


def test_exit(s):
    for path, click, want in (("/exit", False, 1), ("/exit_click", True, 0)):
        s.site.page(path, {})
        s.open(path)
        s.driver.execute_script("return new Promise(r => setTimeout(r, 300))")
        if click:
            s.driver.execute_script(
                "away.addEventListener('click', e => e.preventDefault())")
            s.el("#away").click()
        for y in (400, 300, 200, 100, 40, 5):
            s.move(500, y)
            time.sleep(.025)
        s.move(500, -5)
        time.sleep(.2)
        s.leave_page()
        bodies = s.site.wait(path, lambda b: count(b, "Q") + count(b, "H"))
        ok(count(bodies, "L") == want, "left by the top edge%s: %d"
           % (" after a click on a link" if click else "", want), bodies)

    s.site.page("/up", {})
    s.open("/up")
    s.driver.execute_script("return new Promise(r => setTimeout(r, 300))")
    for y in range(700, 100, -60):
        s.move(500, y)
        time.sleep(.02)
    s.driver.execute_script(
        "document.dispatchEvent(new Event('visibilitychange'));"
        "dispatchEvent(new Event('pagehide'))")
    moving = s.site.wait("/up", lambda b: len(b) >= 1)
    ok(moving and numbers(moving[-1])[1] > 0 and numbers(moving[-1])[0] < 9,
       "moving up: a speed and a time to the edge", moving)

    s.site.page("/rest", {})
    s.open("/rest")
    s.driver.execute_script("return new Promise(r => setTimeout(r, 300))")
    for y in range(700, 100, -60):
        s.move(500, y)
        time.sleep(.02)
    s.site.wait("/rest", lambda b: len(b) >= 1)
    time.sleep(1.2)
    s.leave_page()
    rest = s.site.wait("/rest", lambda b: len(b) >= 2)
    ok(len(rest) >= 2 and numbers(rest[-1])[1] == 0
       and numbers(rest[-1])[0] == 9, "speeds decay at rest", rest)


def test_scroll(s):
    s.site.page("/scroll", {})
    s.open("/scroll")
    s.driver.execute_script("return new Promise(r => setTimeout(r, 300))")
    for y in list(range(0, 2200, 200)) + list(range(2000, 400, -200)):
        s.driver.execute_script("scrollTo(0, arguments[0])", y)
        time.sleep(.06)
    s.leave_page()
    bodies = s.site.wait("/scroll", lambda b: count(b, "Q") + count(b, "H"))
    m = GRAMMAR.fullmatch(bodies[-1])
    depth = int(m["depth"], 36) if m["depth"] else None
    ok(depth is not None and 50 <= depth < 100, "depth is a share", depth)
    ok(numbers(bodies[-1])[5] > .6, "an unbroken way up",
       numbers(bodies[-1]))


def test_page_kept(s):
    names = []
    for path, call in (("/bare", None), ("/kept", {"z": ZONES})):
        s.site.page(path, call)
        s.open(path)
        s.wiggle()
        s.site.wait(path, lambda b: len(b) >= 1, 8 if call else 0)
        names.append(set(s.driver.execute_script(
            "return Object.getOwnPropertyNames(window)")))
    ok(names[0] == names[1], "no globals of ours", names[0] ^ names[1])
    s.driver.execute_script("window.back = 0; addEventListener('pageshow',"
                            " e => { window.back = e.persisted ? 2 : 1; })")
    s.leave_page()
    s.site.wait("/kept", lambda b: len(b) >= 2)
    s.driver.back()
    end = time.monotonic() + 5
    kept = 0
    while time.monotonic() < end and not kept:
        kept = s.driver.execute_script("return window.back || 0")
        time.sleep(.05)
    ok(kept == 2, "the page comes back from the bfcache", kept)
    s.wiggle()
    s.leave_page()
    bodies = s.site.wait("/kept", lambda b: count(b, "Q") + count(b, "H") >= 2)
    ok(count(bodies, "B") == 1, "and says so", codes(bodies))
    ok(count(bodies, "S") == 1, "as the same page view", codes(bodies))


def test_blocked(s):
    s.site.page("/blocked", {}, headers={
        "Content-Security-Policy": "connect-src 'none'"})
    s.open("/blocked")
    s.driver.get_log("browser")
    s.wiggle()
    time.sleep(1.6)
    for _ in range(3):
        s.wiggle()
        time.sleep(.4)
    said = [e["message"] for e in s.driver.get_log("browser")
            if "connect-src" in e["message"].lower()
            or "security policy" in e["message"].lower()]
    ok(0 < len(said) <= 2 and s.site.sent("/blocked") == [],
       "where a policy lets nothing out it tries once", said)


def test_inserted(s):
    """An optimiser loads the script later, from a script of its own."""
    s.site.page("/late", {})
    html, headers = s.site.pages["/late"]
    tag = '<script async src="/_cr/late/b.js?v=0"></script>'
    s.site.pages["/late"] = (html.replace(tag, "").replace(
        "</body>", "<script>addEventListener('load', async () => {"
        "const e = document.createElement('script');"
        "e.type = 'text/plain'; e.src = '/_cr/late/b.js?v=0';"
        "document.head.append(e);"
        "(0, eval)(await (await fetch(e.src)).text()); })</script></body>"),
        headers)
    s.open("/late")
    time.sleep(.5)
    s.wiggle()
    bodies = s.site.wait("/late", lambda b: len(b) >= 1)
    ok(well_formed(bodies), "works where currentScript is null", bodies)


def test_route(s):
    s.site.page("/spa", {})
    s.open("/spa")
    s.wiggle()
    s.site.wait("/spa", lambda b: len(b) >= 1)
    s.driver.execute_script("history.pushState({}, '', '/spa/two')")
    s.wiggle()
    bodies = s.site.wait("/spa", lambda b: count(b, "S") == 2)
    seqs = [GRAMMAR.fullmatch(b)["seq"] for b in bodies]
    ok(count(bodies, "S") == 2 and seqs[0] == "0" and seqs[-1] == "0",
       "a route change is a new page view", bodies)


def main():
    site = Site()
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            s = Shopper(driver, site)
            for test in (test_flow, test_quiet, test_consent, test_signals,
                         test_exit, test_scroll, test_page_kept, test_blocked,
                         test_inserted, test_route):
                test(s)
            site_events.run(s, ok)
            restore.run(s, ok)
            head_scan.run(s, ok)
            body_scan.run(s, ok)
        finally:
            driver.quit()
            site.stop()
    print("1..%d" % tests)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
