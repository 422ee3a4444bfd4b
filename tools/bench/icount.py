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


def once(front, number, requests_for):
    """All instructions of a process that answers `number` requests."""
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
    counts = []
    for name in glob.glob(out + ".*"):
        with open(name) as f:
            counts += [int(n) for n in SUMMARY.findall(f.read())]
        os.unlink(name)
    if not counts:
        raise BenchError("callgrind wrote no count")
    return max(counts)


def per_request(front, requests_for):
    """Start-up and shutdown drop out of the difference."""
    return (once(front, MANY, requests_for) - once(front, FEW, requests_for)
            ) / (MANY - FEW)
