"""The head scanner against Chromium's own HTML parser, over random pages made
of the pieces that HTML's rules for "before head" are about."""

import os
import random
import re
import subprocess
import tempfile

from site_server import ROOT

PIECES = [
    "<!doctype html>", "<!DOCTYPE html PUBLIC \"a\" 'b>'>", "<html>",
    "<html lang=en>", "<head>", "<head>", "<head x='>'>", "<HEAD\n>",
    "<header>", "<!--", "-->", "--!>", "<!-- a -->", "<!-->", "<!", "<?x",
    "</", "</p>", "</head>", "</br>", "<", " ", "\n", "\t", ">", "=", "'",
    "\"", "/", "a", "<title>", "<body>", "head", "<head a=\"", "<head a",
    "<html b='", "<![CDATA[", "-", "!", "<head/>", "<p>", "</html>",
    "</body>", "</x y='>'>"]

PAGES = 3000

DRIVER = r"""
#include <stdio.h>
#include "cr_head_scan.h"

int
main(void)
{
    size_t           at;
    unsigned         n;
    static char      page[65536];
    cr_head_scan_t   s;

    while (scanf("%u", &n) == 1 && n < sizeof(page)) {
        (void) getchar();

        if (fread(page, 1, n, stdin) != n) {
            return 1;
        }

        cr_head_scan_init(&s, sizeof(page));
        at = 0;
        printf("%d\n", cr_head_scan(&s, page, n, &at) == CR_SCAN_FOUND
                       ? (int) at : -1);
    }

    return 0;
}
"""

# A place is right when what is put there becomes the head's first child; none
# is right when no head tag of the page became the head.
JUDGE = """
return arguments[0].map(([found, html]) => {
    const head = new DOMParser().parseFromString(html, "text/html").head;
    return found ? head && head.firstChild && head.firstChild.name == "probe"
        : !head || !head.dataset.probe;
});"""


def random_page(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 9))) \
        + rng.choice(["", "<head>", "<title>t</title>"])


def scan(pages):
    with tempfile.TemporaryDirectory() as tmp:
        with open(tmp + "/driver.c", "w") as f:
            f.write(DRIVER)
        subprocess.run(["gcc", "-O1", "-I" + os.path.join(ROOT, "lib"), "-o",
                        tmp + "/driver", tmp + "/driver.c",
                        os.path.join(ROOT, "lib", "cr_head_scan.c")],
                       check=True)
        fed = b"".join(b"%d\n%s" % (len(p), p) for p in
                       (page.encode() for page in pages))
        out = subprocess.run([tmp + "/driver"], input=fed, check=True,
                             stdout=subprocess.PIPE).stdout
    return [int(line) for line in out.split()]


def wrong(s, pages, places):
    jobs = []
    for page, at in zip(pages, places):
        if at >= 0:
            jobs.append([True, page[:at] + "<meta name=probe>" + page[at:]])
        else:
            jobs.append([False, re.sub(r"<(head)(?=[\s/>])",
                                       r"<\1 data-probe=1 ", page,
                                       flags=re.I)])
    verdicts = s.driver.execute_script(JUDGE, jobs)
    return [(p, at) for p, at, good in zip(pages, places, verdicts)
            if not good]


def run(s, ok):
    seed = int.from_bytes(os.urandom(4), "big")
    rng = random.Random(seed)
    pages = [random_page(rng) for _ in range(PAGES)]
    places = scan(pages)

    ok(len(places) == PAGES and sum(at >= 0 for at in places) > PAGES // 10,
       "the scanner finds a place in many of %d pages (seed %d)"
       % (PAGES, seed), len(places))

    s.open("/away")
    bad = wrong(s, pages, places)
    ok(bad == [], "and Chromium's parser agrees about all", bad[:5])

    naive = [page.lower().find("<head>") for page in pages]
    bad = wrong(s, pages, [at + 6 if at >= 0 else -1 for at in naive])
    ok(len(bad) > 100, "control: about the first <head> as text it does not",
       len(bad))
