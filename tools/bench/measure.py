"""wrk runs, the front worker's CPU time, and ratios of pairs."""

import os
import re
import statistics
import subprocess

from procs import BenchError

LINE = re.compile(r"^BENCH (.*)$", re.M)
HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """Time on a CPU so far; nginx's workers have one thread."""
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0])


def user_system(pid):
    with open("/proc/%d/stat" % pid) as f:
        part = f.read().rsplit(")", 1)[1].split()
    return int(part[11]) / TICK, int(part[12]) / TICK


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def wrk(port, file, seconds, conns, cpu):
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    done = subprocess.run(
        ["wrk", "-t1", "-c%d" % conns, "-d%ds" % seconds, "-s",
         HERE + "/requests.lua", "http://127.0.0.1:%d/" % port, "--", file],
        capture_output=True, text=True, preexec_fn=pin)
    found = LINE.search(done.stdout)
    if done.returncode != 0 or not found:
        raise BenchError("wrk failed: " + (done.stderr or done.stdout).strip())
    return {k: int(v) for k, v in
            (word.split("=") for word in found.group(1).split())}


def timed(front, file, seconds, conns, cpu, origin):
    """One wrk run with the CPU that front and origin spent on it."""
    before = cpu_ns(front.worker), user_system(front.worker), \
        cpu_ns(origin.worker)
    got = wrk(front.port, file, seconds, conns, cpu)
    ns = cpu_ns(front.worker) - before[0]
    user, system = (b - a for a, b in zip(before[1],
                                          user_system(front.worker)))
    if got["requests"] == 0:
        raise BenchError("no request was answered on port %d" % front.port)
    got["cpu_us"] = ns / 1000 / got["requests"]
    got["origin_us"] = (cpu_ns(origin.worker) - before[2]) / 1000 \
        / got["requests"]
    got["user_share"] = user / (user + system) if user + system else 0.0
    got["rps"] = got["requests"] * 1e6 / got["us"]
    got["errors"] = got["socket"] + got["status"]
    return got


def rotated(names, by):
    by %= len(names)
    return names[by:] + names[:by]


def ratios(runs, a, b, key="cpu_us"):
    """a / b of each repetition: a list, in the order of the repetitions."""
    return [x[key] / y[key] for x, y in zip(runs[a], runs[b])]


def summary(values):
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values)}
