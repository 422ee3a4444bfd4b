"""Processes of a run: started here, found by pid, ended by pid."""

import os
import signal
import socket
import subprocess
import time


class BenchError(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(test, seconds, what):
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise BenchError("timed out: " + what)
        time.sleep(0.02)


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(p) for p in f.read().split()]
    except FileNotFoundError:
        return []


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def connectable(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Nginx:
    """One master with one worker, in a directory of its own."""

    def __init__(self, binary, directory, conf, port):
        self.binary, self.dir, self.port = binary, directory, port
        os.makedirs(directory, exist_ok=True)
        self.conf = directory + "/nginx.conf"
        with open(self.conf, "w") as f:
            f.write(conf)
        self.master = self.worker = None

    def args(self, *more):
        return [self.binary, "-e", self.dir + "/error.log", "-p",
                self.dir + "/", "-c", self.conf, *more]

    def start(self):
        done = subprocess.run(self.args(), capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError("nginx did not start (%s): %s"
                             % (self.conf, done.stderr.strip()))

        def pid():
            try:
                with open(self.dir + "/nginx.pid") as f:
                    return int(f.read().strip() or 0)
            except FileNotFoundError:
                return 0

        self.master = wait_for(pid, 5, "pid file of " + self.dir)
        self.worker = wait_for(lambda: children(self.master), 5,
                               "worker of " + self.dir)[0]
        wait_for(lambda: connectable(self.port), 5, "port of " + self.dir)

    def pin(self, cpu):
        if cpu is not None:
            os.sched_setaffinity(self.worker, {cpu})

    def stop(self):
        if self.master is None:
            return
        for sig, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 2)):
            try:
                os.kill(self.master, sig)
                wait_for(lambda: not alive(self.master), seconds, "stop")
                break
            except ProcessLookupError:
                break
            except BenchError:
                continue
        self.master = None

    def complaints(self):
        """Lines of the error log that no run may have."""
        if not os.path.exists(self.dir + "/error.log"):
            return []
        with open(self.dir + "/error.log", errors="replace") as f:
            return [line.strip() for line in f
                    if any(level in line for level in
                           ("[alert]", "[emerg]", "[crit]"))]


class Redis:
    def __init__(self, run):
        self.socket = run + "/redis.sock"
        self.proc = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--unixsocketperm", "777", "--save", "", "--dir", run,
             "--logfile", run + "/redis.log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.socket), 5, "Redis")

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
