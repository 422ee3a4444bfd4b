"""TAP for the Python tests."""

import os
import sys

from . import procs

count = failed = 0


def ok(good, text):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, text), flush=True)
    return bool(good)


def diag(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def done():
    print("1..%d" % count, flush=True)
    sys.exit(1 if failed else 0)


def need_module():
    """Skips the whole file where the module is not built."""
    if not os.path.exists(procs.MODULE):
        print("1..0 # SKIP the module is not built: run make")
        sys.exit(0)
