#!/usr/bin/python3
"""Opens a restore link in a fresh browser profile and says where that ended.

    restore.py LINK DIRECTORY TEXT...

Exit status 0 when the shop's cart page came up and shows every TEXT.  Prints
one JSON object.
"""

import json
import sys

from browser import Browser, Late, until


def main():
    link, directory, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
    browser = Browser("restore", directory)
    result = {"restored": False}

    def shown():
        page = browser.driver.execute_script("return document.body.innerText")
        return browser.path().startswith("/cart") and all(
            text in page for text in texts)

    try:
        browser.open(link)
        until("the cart page with %s" % ", ".join(texts), 40, shown)
        result["restored"] = True
    except Late as problem:
        result["problem"] = str(problem)
        result["shows"] = browser.driver.execute_script(
            "return document.body.innerText")[:500]
        browser.picture()
    result["path"] = browser.path()
    browser.leave()
    result["errors"] = browser.errors
    print(json.dumps(result))
    sys.exit(0 if result["restored"] else 1)


if __name__ == "__main__":
    main()
