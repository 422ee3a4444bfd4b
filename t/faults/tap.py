"""Test lines as prove reads them."""

import sys
import traceback


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, text):
        self.n += 1
        if not good:
            self.failed += 1
        print('%sok %d - %s' % ('' if good else 'not ', self.n,
                                text.replace('#', '')))
        sys.stdout.flush()
        return bool(good)

    def eq(self, got, want, text):
        if not self.ok(got == want, text):
            print('#  got: %r\n# want: %r' % (got, want))
            sys.stdout.flush()

    def case(self, f, *args):
        """Runs one test function; an exception is one failure."""
        try:
            f(self, *args)
        except Exception:
            self.ok(False, f.__name__)
            for line in traceback.format_exc().splitlines():
                print('# ' + line)

    def end(self):
        print('1..%d' % self.n)
        return 1 if self.failed else 0
