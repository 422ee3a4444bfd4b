#!/usr/bin/python3
"""What a browser makes of pages that got the tag, against what it makes of the
same pages from the storefront: the same document but for our script.  Called
by t/dom.t with two ports and a number of pages; speaks TAP."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import beacon

# The whole document as lists.  loose: white space and comments that stood in
# front of the head may stand in it (a page that was spliced).
DOM = r"""
const loose = arguments[0];
const own = node => node.nodeType == 1 && node.localName == "script"
    && /^\/_cr\/b\.js\?v=/.test(node.getAttribute("src"));
const comments = [];
const walk = node => {
    const out = [node.nodeName, [...node.attributes || []]
        .map(a => a.name + "=" + a.value).sort()];
    let text = null;
    for (const child of node.childNodes) {
        if (own(child)) continue;
        if (child.nodeType == 3) {
            if (loose && !child.data.trim()
                && /^(HEAD|HTML)$/.test(node.nodeName)) continue;
            // a script that was between two texts leaves them two
            text === null ? out.push(text = ["#text", child.data])
                          : text[1] += child.data;
            continue;
        }
        if (child.nodeType == 8 && loose) {
            comments.push(child.data);
            continue;
        }
        text = null;
        out.push(child.nodeType == 8 ? ["#comment", child.data]
            : child.nodeType == 10 ? ["#doctype", child.name, child.publicId,
                                      child.systemId]
            : walk(child));
    }
    return out;
};
return JSON.stringify([document.compatMode, document.characterSet,
    document.title, document.documentElement.lang,
    [...document.querySelectorAll("script")].filter(own).length && 1,
    walk(document), comments]);
"""


def seen(driver, port, path, loose):
    driver.get("http://127.0.0.1:%d%s" % (port, path))
    return json.loads(driver.execute_script(DOM, loose))


def main():
    shop, front, pages = (int(a) for a in sys.argv[1:4])
    tags = {"plain": 0, "gz": 0}
    bad = {"plain": [], "gz": []}
    with tempfile.TemporaryDirectory() as profile:
        driver = beacon.browser(profile)
        try:
            for n in range(pages):
                for kind in tags:
                    path = "/%s/%d" % (kind, n)
                    want = seen(driver, shop, path, kind == "gz")
                    got = seen(driver, front, path, kind == "gz")
                    tags[kind] += got[4]
                    want[4] = got[4]
                    if got != want:
                        bad[kind].append((path, want, got))
            quirk = seen(driver, shop, "/control/0", False)
            other = seen(driver, shop, "/control/1", False)
        finally:
            driver.quit()
    beacon.ok(bad["plain"] == [], "%d pages with the tag in their head are the "
              "same documents" % tags["plain"], bad["plain"][:2])
    beacon.ok(bad["gz"] == [], "%d pages with the tag in front of their gzip "
              "are" % tags["gz"], bad["gz"][:2])
    beacon.ok(tags["plain"] == pages, "all that came plain have it", tags)
    beacon.ok(tags["gz"] > pages // 2, "and most that came as gzip", tags)
    beacon.ok(quirk != other, "control: a lost attribute is seen",
              (quirk, other))
    print("1..%d" % beacon.tests)
    return 1 if beacon.failed else 0


if __name__ == "__main__":
    sys.exit(main())
