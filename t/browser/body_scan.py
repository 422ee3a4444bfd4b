"""The body scanner against Chromium's own HTML parser, over random documents:
what is put at the place it finds becomes an element of the body."""

import os
import random
import subprocess
import tempfile

from site_server import ROOT

PIECES = [
    "<!doctype html>", "<html>", "<html lang='de>'>", "<head>", "</head>",
    "<body>", "<BODY class='a>b'>", "<body", "<bodyx>", "<tbody>", "</body>",
    "<script>", "</script>", "</script x='>'>", "</scripts>", "<style>",
    "</style>", "<title>", "</title>", "<textarea>", "</textarea>", "<!--",
    "-->", "--!>", "<!-->", "<!--->", "<!--!>", "<!", "<?x", "</", "</ x='>'>",
    "<p a=\"<body>\">", "<p a='", "'", "\"", ">", "<", "=", "/", "-", "!", "a",
    " ", "\n", "<meta name=x>", "<br/>", "<iframe>", "</iframe>", "<xmp>",
    "</xmp>", "<![CDATA[", "<frameset>", "<plaintext>"]

PAGES = 3000

DRIVER = r"""
#include <stdio.h>
#include "cr_body_scan.h"

int
main(void)
{
    size_t           at;
    unsigned         n;
    static char      page[65536];
    cr_body_scan_t   s;

    while (scanf("%u", &n) == 1 && n < sizeof(page)) {
        (void) getchar();

        if (fread(page, 1, n, stdin) != n) {
            return 1;
        }

        cr_body_scan_init(&s, sizeof(page));
        at = 0;
        printf("%d\n", cr_body_scan(&s, page, n, &at) == CR_SCAN_FOUND
                       ? (int) at : -1);
    }

    return 0;
}
"""

JUDGE = """
return arguments[0].map(html => {
    const body = new DOMParser().parseFromString(html, "text/html").body;
    return body && body.matches("body")
        && !!body.querySelector("aside.probe");
});"""


def random_page(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(2, 9))) \
        + rng.choice(["", "<body>", "<body id=x><p>t</p>"])


def scan(pages):
    with tempfile.TemporaryDirectory() as tmp:
        with open(tmp + "/driver.c", "w") as f:
            f.write(DRIVER)
        subprocess.run(["gcc", "-O1", "-I" + os.path.join(ROOT, "lib"), "-o",
                        tmp + "/driver", tmp + "/driver.c",
                        os.path.join(ROOT, "lib", "cr_body_scan.c")],
                       check=True)
        fed = b"".join(b"%d\n%s" % (len(p), p) for p in
                       (page.encode() for page in pages))
        out = subprocess.run([tmp + "/driver"], input=fed, check=True,
                             stdout=subprocess.PIPE).stdout
    return [int(line) for line in out.split()]


def wrong(s, pages, places):
    found = [(page, at) for page, at in zip(pages, places) if at >= 0]
    verdicts = s.driver.execute_script(JUDGE, [
        page[:at] + "<aside class=probe></aside>" + page[at:]
        for page, at in found])
    return [pair for pair, good in zip(found, verdicts) if not good]


def run(s, ok):
    seed = int.from_bytes(os.urandom(4), "big")
    rng = random.Random(seed)
    pages = [random_page(rng) for _ in range(PAGES)]
    places = scan(pages)

    ok(len(places) == PAGES and sum(at >= 0 for at in places) > PAGES // 10,
       "the scanner finds a body in many of %d pages (seed %d)"
       % (PAGES, seed), len(places))

    s.open("/away")
    bad = wrong(s, pages, places)
    ok(bad == [], "and Chromium's parser has it there in all", bad[:5])

    naive = [page.lower().find("<body>") for page in pages]
    bad = wrong(s, pages, [at + 6 if at >= 0 else -1 for at in naive])
    ok(len(bad) > 100, "control: behind the first <body> as text it has not",
       len(bad))
