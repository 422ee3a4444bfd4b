"""--require: what a run must reach."""

import re
import statistics

FORM = re.compile(r"^(cpu|cap|instr|rss):([\w.]+)([/-])([\w.]+?)(<=|>=)([0-9.]+)$")


class Gate:
    """cpu:A/B, cap:A/B (cap = 1/cpu), instr:A-B or A/B (A.cart is
    A's cart page), rss:A-B (KB)."""

    def __init__(self, text):
        found = FORM.match(text.replace(" ", ""))
        if not found:
            raise ValueError("not a gate: %r (for example cpu:mod/plain<=1.1)"
                             % text)
        self.text = text
        self.what, self.a, self.op, self.b, self.rel, limit = found.groups()
        self.limit = float(limit)
        if self.what in ("cpu", "cap") and self.op != "/":
            raise ValueError("%s wants A/B: %r" % (self.what, text))

    def measured(self, result):
        """The value, or None where the run did not measure it."""
        if self.what in ("cpu", "cap"):
            runs = result["runs"]
            if self.a not in runs or self.b not in runs:
                return None
            pairs = zip(runs[self.a], runs[self.b])
            pairs = [x["cpu_us"] / y["cpu_us"] for x, y in pairs]
            if self.what == "cap":
                pairs = [1 / p for p in pairs]
            return statistics.median(pairs)
        table = result.get("instructions" if self.what == "instr"
                           else "rss_kb") or {}
        if self.a not in table or self.b not in table:
            return None
        a, b = table[self.a], table[self.b]
        return a / b if self.op == "/" else a - b

    def verdict(self, result):
        value = self.measured(result)
        ok = value is not None and (value <= self.limit if self.rel == "<="
                                    else value >= self.limit)
        return {"gate": self.text, "value": value, "pass": ok}
