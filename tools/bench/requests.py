"""The 2048 requests that wrk sends, from a fixed seed."""

import random

COUNT = 2048
WITH_COOKIE = 0.9


def path(rnd, i):
    item = rnd.randrange(4000)
    return ("/", "/c/kitchen?page=%d" % (item % 9), "/p/item-%d" % item,
            "/p/item-%d?size=m" % item, "/p/%s-%d" % ("mug", item),
            "/cart", "/search?q=mug+%d" % (item % 50), "/checkout")[i % 8]


def cookie_line(rnd, sid):
    return ("Cookie: _ga=GA1.1.%d.%d; cr_sid=%s; theme=dark\r\n"
            % (rnd.randrange(10 ** 9), rnd.randrange(10 ** 9), sid))


def build(host, sids, gzip, seed=7):
    """Raw requests as bytes.  sids: session cookies to use in turn."""
    rnd = random.Random(seed)
    order = list(range(COUNT))
    rnd.shuffle(order)
    bare = set(order[:int(COUNT * (1 - WITH_COOKIE))])
    out = []
    for i in range(COUNT):
        line = "" if i in bare else cookie_line(rnd, sids[i % len(sids)])
        out.append("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 "
                   "(X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
                   "Accept: text/html,application/xhtml+xml\r\n%s%s\r\n"
                   % (path(rnd, i), host,
                      "Accept-Encoding: gzip, deflate, br\r\n" if gzip else "",
                      line))
    return [r.encode() for r in out]


def write(file, requests):
    with open(file, "wb") as f:
        f.write(b"\0".join(requests))
