"""A private Redis and a private nginx, ended by the pids they were given."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.realpath(os.path.dirname(os.path.realpath(__file__))
                        + "/../../..")
MODULE = os.environ.get("CR_BUILD", ROOT + "/build") \
    + "/ngx_http_cartrecover_module.so"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(test, seconds, what):
    """Polls until test() is true; what it was, or an error at the end."""
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError("%s did not come in %g s" % (what, seconds))
        time.sleep(0.02)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def workers(master):
    """The master's children that run, oldest first."""
    try:
        with open("/proc/%d/task/%d/children" % (master, master)) as f:
            return [p for p in map(int, f.read().split()) if alive(p)]
    except FileNotFoundError:
        return []


class RunDir:
    """A directory that everybody may enter and that goes in the end."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="cr-test-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *failure):
        if os.environ.get("CR_KEEP"):
            print("# kept %s" % self.path)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Redis:
    def __init__(self, run, fsync="everysec"):
        self.dir, self.fsync, self.proc = run + "/redis", fsync, None
        self.socket = run + "/redis.sock"
        os.mkdir(self.dir)

    def start(self):
        self.proc = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--unixsocketperm", "777", "--dir", self.dir, "--save", "",
             "--appendonly", "yes", "--appendfsync", self.fsync,
             "--logfile", self.dir + "/log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, 20, "Redis")

    def answers(self):
        try:
            return self.call("PING") == "PONG"
        except (OSError, EOFError, RuntimeError):
            return False

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        if self.proc is not None and self.proc.poll() is None:
            self.proc.terminate()
            self.proc.wait()

    def call(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.socket)
            s.sendall(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w), w) for w in
                (str(w).encode() for w in words)))
            with s.makefile("rb") as f:
                return reply(f)


def reply(f):
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("Redis went away")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    n = int(rest)
    if n < 0:
        return None
    if kind == b"$":
        return f.read(n + 2)[:-2].decode()
    return [reply(f) for _ in range(n)]


CONF = """\
load_module {module};
{user}worker_processes {workers};
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
worker_rlimit_nofile 8192;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {dir}/client;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    cartrecover_zone zone=test:32m;
    cartrecover_secret {dir}/secret;
    {redis}
{http}
    upstream shop {{ server 127.0.0.1:{origin}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        server_name shop.test;
        cartrecover on;
        cartrecover_shop {dir}/shop.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        location / {{
            proxy_pass http://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
        location = /_cr/status {{ cartrecover_status json; }}
    }}
}}
"""


class Nginx:
    """One master in front of the origin, with the module on."""

    def __init__(self, run, origin, redis, number=2):
        self.dir, self.origin, self.redis = run + "/nginx", origin, redis
        self.number, self.port = number, free_port()
        self.master = None
        os.mkdir(self.dir)
        with open(os.open(self.dir + "/secret", os.O_CREAT | os.O_WRONLY,
                          0o600), "w") as f:
            f.write(os.urandom(32).hex())
        with open(self.dir + "/shop.json", "w") as f:
            json.dump({"version": 1, "shop": {
                "id": "test", "name": "Test", "url": "https://shop.test",
                "currency": "EUR"}}, f)

    def write(self, http=""):
        line = "cartrecover_redis unix:%s node=n1;" % self.redis.socket \
            if self.redis else ""
        with open(self.dir + "/nginx.conf", "w") as f:
            f.write(CONF.format(
                module=MODULE, dir=self.dir, workers=self.number, redis=line,
                user="user root root;\n" if os.geteuid() == 0 else "",
                origin=self.origin, port=self.port, http=http))

    def start(self):
        self.write()
        done = subprocess.run(
            ["nginx", "-e", self.dir + "/error.log", "-p", self.dir + "/",
             "-c", self.dir + "/nginx.conf"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("nginx: " + done.stderr.strip())

        def pid():
            try:
                with open(self.dir + "/nginx.pid") as f:
                    return int(f.read() or 0)
            except FileNotFoundError:
                return 0

        self.master = wait_for(pid, 5, "nginx.pid")
        wait_for(lambda: len(workers(self.master)) == self.number, 5,
                 "the workers")

    def stop(self):
        if self.master is None:
            return
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.master, sig)
                wait_for(lambda: not alive(self.master), 6, "nginx's end")
                break
            except ProcessLookupError:
                break
            except TimeoutError:
                continue
        self.master = None

    def reload(self, seconds=30):
        """SIGHUP; returns when the old workers have gone."""
        old = set(workers(self.master))
        os.kill(self.master, signal.SIGHUP)

        def replaced():
            now = set(workers(self.master))
            return not now & old and len(now) == self.number

        wait_for(replaced, seconds, "the new workers")

    def complaints(self, allowed=None):
        with open(self.dir + "/error.log", errors="replace") as f:
            return [line.strip() for line in f
                    if re.search(r"\[(alert|emerg|crit)\]", line)
                    and not (allowed and re.search(allowed, line))]


def memory(pid):
    """VmRSS, its private part, and open descriptors of a process."""
    with open("/proc/%d/status" % pid) as f:
        text = f.read()

    def field(name):
        return int(re.search(r"^%s:\s+(\d+)" % name, text, re.M).group(1))

    return {"rss": field("VmRSS"), "anon": field("RssAnon"),
            "fds": len(os.listdir("/proc/%d/fd" % pid))}
