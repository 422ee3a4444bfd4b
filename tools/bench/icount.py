"""User-space instructions per request, by callgrind."""

import glob
import os
import re
import signal
import socket
import subprocess
import time

from procs import BenchError, alive, connectable, wait_for

SUMMARY = re.compile(r"^(?:summary|totals):\s+(\d+)", re.M)
FEW, MANY = 40, 140


def answer(stream):
    """Reads one answer with a known length or in chunks; its status."""
    status = int(stream.readline().split()[1])
    length, chunked = 0, False
    while True:
        line = stream.readline().strip().lower()
        if not line:
            break
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        chunked |= line.startswith(b"transfer-encoding:") and b"chunk" in line
    if not chunked:
        stream.read(length)
        return status
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        stream.read(size + 2)
        if size == 0:
            return status


def wait_idle(pid):
    """Returns once the process used no CPU for 0.4 s and sleeps: under
    valgrind a signal that meets a running nginx is noticed late."""
    end, quiet, last = time.monotonic() + 30, None, None
    while time.monotonic() < end:
        with open("/proc/%d/stat" % pid) as f:
            part = f.read().rsplit(")", 1)[1].split()
        now = part[0], part[11], part[12]
        if now != last or now[0] != "S":
            quiet, last = time.monotonic(), now
        elif time.monotonic() - quiet > 0.4:
            return
        time.sleep(0.05)
    raise BenchError("nginx under valgrind does not come to rest")


def send(port, requests):
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        stream = s.makefile("rb")
        for r in requests:
            s.sendall(r)
            if answer(stream) != 200:
                raise BenchError("instruction count: not 200")


def annotate(name, *options):
    return subprocess.run(["callgrind_annotate", "--threshold=100", *options,
                           name], capture_output=True, text=True).stdout


def by_function(name):
    """Own instructions of each function, from a file of callgrind."""
    counts = {}
    for n, function in re.findall(
            r"^ *([\d,]+) \([^)]*\)\s+\S*?:(\S+?)(?: \[.*\])?$",
            annotate(name), re.M):
        counts[function] = counts.get(function, 0) + int(n.replace(",", ""))
    return counts


def in_timers(name):
    """What timers cost goes by the second, and valgrind makes it long."""
    found = re.search(r"^ *([\d,]+) \([^)]*\)\s+\S*:ngx_event_expire_timers",
                      annotate(name, "--inclusive=yes"), re.M)
    return int(found.group(1).replace(",", "")) if found else 0


def once(front, number, requests_for):
    """All instructions of a process that answers `number` requests but those
    of its timers, and each function's own."""
    out = front.dir + "/callgrind.%d" % number
    proc = subprocess.Popen(
        ["valgrind", "-q", "--tool=callgrind",
         "--callgrind-out-file=" + out + ".%p", front.binary, "-e",
         front.dir + "/error.log", "-p", front.dir + "/", "-c", front.conf,
         "-g", "daemon off; master_process off;"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: connectable(front.port), 60, "nginx under valgrind")
        send(front.port, requests_for(front.port, number))
        wait_idle(proc.pid)
        proc.send_signal(signal.SIGTERM)
        wait_for(lambda: proc.poll() is not None or not alive(proc.pid), 30,
                 "end of nginx under valgrind")
        proc.wait()
    finally:
        if proc.poll() is None:
            proc.kill()
            proc.wait()
    counts, functions = [], {}
    for name in glob.glob(out + ".*"):
        with open(name) as f:
            counts += [int(n) - in_timers(name)
                       for n in SUMMARY.findall(f.read())]
        functions = by_function(name)
        os.unlink(name)
    if not counts:
        raise BenchError("callgrind wrote no count")
    return max(counts), functions


def per_request(front, requests_for, functions=False):
    """Start-up and shutdown drop out of the difference."""
    many, many_by = once(front, MANY, requests_for)
    few, few_by = once(front, FEW, requests_for)
    if functions:
        rows = [((n - few_by.get(f, 0)) / (MANY - FEW), f)
                for f, n in many_by.items()]
        for n, f in sorted(rows, reverse=True):
            if n >= 20:
                print("    %8.0f %s" % (n, f))
    return (many - few) / (MANY - FEW)
