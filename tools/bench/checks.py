"""What every variant must answer before anything is timed."""

import re
import socket
import zlib

DOCTYPE = b"<!doctype html>"


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = [tuple(part.strip() for part in line.split(":", 1))
                        for line in lines[1:] if ":" in line]
        self.raw = body
        self.body = dechunk(body) if self.get("transfer-encoding") else body

    def get(self, name):
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    def text(self):
        """The body without its content coding."""
        if self.get("content-encoding") == "gzip":
            return zlib.decompress(self.body, 31)
        return self.body


def dechunk(raw):
    out, at = b"", 0
    while True:
        end = raw.index(b"\r\n", at)
        size = int(raw[at:end].split(b";")[0], 16)
        if size == 0:
            return out
        out += raw[end + 2:end + 2 + size]
        at = end + 4 + size


def fetch(port, path="/p/item-1", method="GET", headers=(), body=b""):
    """One request, the connection read to its end."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: bench.test",
             "Connection: close", *headers]
    if body:
        lines.append("Content-Length: %d" % len(body))
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        raw = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            raw += piece
    head, _, rest = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ValueError("no HTTP answer: %r" % raw[:60])
    return Answer(head, rest)


def judge(answer, page, tag_re, tagged):
    """Everything that is wrong with one answer, as sentences."""
    bad = []
    if answer.status != 200:
        return ["status %d" % answer.status]
    length = answer.get("content-length")
    if length is not None and int(length) != len(answer.raw):
        bad.append("Content-Length %s, body has %d bytes"
                   % (length, len(answer.raw)))
    try:
        text = answer.text()
    except zlib.error as e:
        return bad + ["body does not inflate: %s" % e]
    found = tag_re.findall(text)
    if len(found) != (1 if tagged else 0):
        bad.append("%d tags" % len(found))
    elif tagged:
        rest = tag_re.sub(b"", text, count=1)
        if rest not in (page, DOCTYPE + page):
            bad.append("page minus tag differs from the original")
    elif text != page:
        bad.append("page differs from the original")
    return bad


def check(name, port, page, tag_re, gzip):
    """Fetches a page of one variant.  Returns (mistakes, facts)."""
    headers = ["Accept-Encoding: gzip, deflate, br"] if gzip else []
    try:
        answer = fetch(port, headers=headers)
        bad = judge(answer, page, tag_re, not name.endswith(("plain",
                                                             "plainB")))
    except (OSError, ValueError) as e:
        return ["%s" % e], {}
    return bad, {"status": answer.status,
                 "content_length": answer.get("content-length"),
                 "content_encoding": answer.get("content-encoding"),
                 "set_cookie": answer.get("set-cookie") is not None,
                 "bytes": len(answer.raw)}


def pattern(tag, tag_re):
    if tag_re:
        return re.compile(tag_re.encode())
    if tag:
        return re.compile(re.escape(tag.encode()))
    return re.compile(rb'<script async src="/_cr/b\.js\?v=[0-9a-f]+">'
                      rb'</script>')
