#!/usr/bin/python3
"""A mail server that delivers to a page.

    catcher.py --smtp-port PORT --port PORT [--bind ADDRESS] [--link URL]

SMTP on the loopback address; the page, and its JSON, on ADDRESS:

    GET /            the page          GET /api/mails          all mails, newest last
    GET /mail/N      the HTML part     GET /api/mails/N        one
    GET /mail/N.eml  as it came        DELETE /api/mails       forgets them
"""

import argparse
import email
import email.policy
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time

from aiosmtpd.controller import Controller

HERE = os.path.dirname(os.path.abspath(__file__))
KEEP = 500
SIZE_MAX = 2 * 1024 * 1024
LINK = re.compile(r"https?://[^\s\"'<>)\]]+")


def part(message, kind):
    found = message.get_body(preferencelist=(kind,))
    return found.get_content() if found is not None else ""


class Box:
    def __init__(self):
        self.lock = threading.Lock()
        self.mails = []
        self.last = 0

    def put(self, sender, recipients, raw):
        message = email.message_from_bytes(raw, policy=email.policy.default)
        text = part(message, "plain")
        mail = {"at": round(time.time(), 3), "sender": sender,
                "recipients": recipients, "size": len(raw),
                "from": str(message.get("From", "")),
                "to": str(message.get("To", "")),
                "subject": str(message.get("Subject", "")),
                "message_id": str(message.get("Message-ID", "")),
                "headers": [[k, str(v)] for k, v in message.items()],
                "text": text, "html": part(message, "html"),
                "links": LINK.findall(text), "raw": raw}
        with self.lock:
            self.last += 1
            mail["id"] = self.last
            self.mails = (self.mails + [mail])[-KEEP:]
        print("%s -> %s: %s" % (sender, ", ".join(recipients),
                                mail["subject"]), flush=True)

    def all(self):
        with self.lock:
            return list(self.mails)

    def get(self, number):
        for mail in self.all():
            if mail["id"] == number:
                return mail
        return None

    def clear(self):
        with self.lock:
            self.mails = []


BOX = Box()


class Delivery:
    async def handle_DATA(self, server, session, envelope):
        try:
            BOX.put(envelope.mail_from, list(envelope.rcpt_tos),
                    envelope.original_content)
        except Exception as problem:
            print("bad message: %r" % problem, file=sys.stderr, flush=True)
            return "554 5.6.0 this message cannot be read"
        return "250 2.0.0 kept"


def shown(mail):
    return {k: v for k, v in mail.items() if k != "raw"}


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 65
    link = ""

    def log_message(self, *args):
        pass

    def send(self, status, body=b"", kind="text/plain; charset=utf-8",
             extra=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in extra:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, value):
        self.send(200, json.dumps(value), "application/json")

    def send_file(self, name, kind):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            self.send(200, file.read().replace("{{shop}}", self.link), kind,
                      [("Content-Security-Policy",
                        "default-src 'none'; style-src 'self'; "
                        "script-src 'self'; connect-src 'self'; "
                        "frame-src 'self'; img-src 'self' data:")])

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/":
            return self.send_file("mail.html", "text/html; charset=utf-8")
        if path == "/mail.js":
            return self.send_file("mail.js", "text/javascript; charset=utf-8")
        if path == "/demo.css":
            return self.send_file("demo.css", "text/css; charset=utf-8")
        if path == "/api/mails":
            return self.send_json([shown(m) for m in BOX.all()])
        if path == "/favicon.ico":
            return self.send(204)
        match = re.fullmatch(r"/(api/mails|mail)/([0-9]{1,9})(\.eml)?", path)
        mail = match and BOX.get(int(match[2]))
        if not mail:
            return self.send(404, "no such page")
        if match[1] == "api/mails":
            return self.send_json(shown(mail))
        if match[3]:
            return self.send(200, mail["raw"])
        return self.send_preview(mail)

    do_HEAD = do_GET

    def send_preview(self, mail):
        """The HTML part alone: no script runs, links open a new page."""
        self.send(200, '<base target="_blank">' + mail["html"],
                  "text/html; charset=utf-8",
                  [("Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; "
                    "img-src data: %s; sandbox allow-popups "
                    "allow-popups-to-escape-sandbox" % self.link)])

    def do_DELETE(self):
        if self.path != "/api/mails":
            return self.send(404, "no such page")
        BOX.clear()
        return self.send_json({"ok": True})


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description="The demo's mail catcher.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--link", default="", help="URL of the shop")
    options = parser.parse_args()
    Page.link = options.link
    smtp = Controller(Delivery(), hostname="127.0.0.1",
                      port=options.smtp_port, data_size_limit=SIZE_MAX)
    smtp.start()
    server = Server((options.bind, options.port), Page)
    print("SMTP on 127.0.0.1:%d, page on %s:%d"
          % ((options.smtp_port,) + server.server_address), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
