"""An SMTP server that counts copies by Message-ID and fails on demand.

The local part of the recipient chooses the behaviour: NAME or NAME+anything.
"""

import asyncio
import re
import socket
import threading
import time

# behaviour: (where, what)
FAULTS = {
    'rcpt550': ('rcpt', '550 5.1.1 <%s>: no such user %s'),
    'rcpt552': ('rcpt', '552 5.2.2 mailbox full'),
    'rcpt571': ('rcpt', '550 5.7.1 sender is not welcome'),
    'rcpt450': ('rcpt', '450 4.2.1 later'),
    'rcpt452': ('rcpt', '452 4.3.1 no space'),
    'rcpt421': ('rcpt', '421 4.3.2 going down'),
    'dataclose': ('data', None),
    'dot554': ('dot', '554 5.6.0 refused content'),
    'dot550': ('dot', '550 no such user here'),
    'dot451': ('dot', '451 4.3.0 try again'),
    'dot421': ('dot', '421 4.3.2 going down'),
    'dotclose': ('dot', None),
    'dothang': ('dot', 'hang'),
    'dotdrip': ('dot', 'drip'),
    'auth': ('mail', '530 5.7.0 authentication required'),
}


class Sink:
    """Runs in a thread of its own; all it knows is in `copies`."""

    def __init__(self, delay=0.0):
        self.copies = {}        # Message-ID -> number of accepted copies
        self.mails = []         # (time, recipient, text)
        self.attempts = {}      # recipient -> DATA begun
        self.aborted = 0
        self.once = set()       # behaviours that happen once a recipient
        self.done = set()
        self.greets = []        # greetings of the next connections
        self.mail_says = []     # answers to the next MAIL FROM
        self.delay = delay
        self.at_data = None     # called with the recipient before 354
        self.at_dot = None      # called with the recipient before 250
        self.sock = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.sock.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self.client, sock=self.sock, limit=1 << 20))
        self.loop.run_forever()

    def stop(self):
        async def end():
            self.server.close()
            tasks = [t for t in asyncio.all_tasks()
                     if t is not asyncio.current_task()]
            for t in tasks:
                t.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    def fault(self, where, rcpt):
        name = rcpt.split('@')[0].split('+')[0]
        if FAULTS.get(name, (None,))[0] != where:
            return False, None
        if name in self.once:
            if rcpt in self.done:
                return False, None
            self.done.add(rcpt)
        what = FAULTS[name][1]
        if what:
            what = what.replace('<%s>', '<' + rcpt + '>')
            what = what.replace('%s', rcpt.split('@')[0])
        return True, what

    async def client(self, reader, writer):
        try:
            await self.session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def session(self, reader, writer):
        rcpt = ''

        async def say(text):
            writer.write(text.encode() + b'\r\n')
            await writer.drain()

        if self.greets:
            await say(self.greets.pop(0))
            return
        await say('220 sink ready')
        while True:
            line = await reader.readline()
            if not line:
                return
            verb = line[:4].upper()
            if verb == b'EHLO':
                await say('250-sink\r\n250-8BITMIME\r\n250 SIZE 10000000')
            elif verb == b'MAIL':
                rcpt = ''
                await say(self.mail_says.pop(0) if self.mail_says
                          else '250 2.1.0 ok')
            elif verb == b'RCPT':
                rcpt = re.search(rb'<([^>]*)>', line).group(1).decode()
                hit, what = self.fault('mail', rcpt)
                if not hit:
                    hit, what = self.fault('rcpt', rcpt)
                await say(what if hit else '250 2.1.5 ok')
                if hit and what.startswith('421'):
                    return
            elif verb == b'DATA':
                if not await self.data(reader, writer, say, rcpt):
                    return
            elif verb == b'QUIT':
                await say('221 bye')
                return
            else:
                await say('250 ok')

    async def data(self, reader, writer, say, rcpt):
        self.attempts[rcpt] = self.attempts.get(rcpt, 0) + 1
        hit, _ = self.fault('data', rcpt)
        if hit:
            return False
        if self.at_data:
            self.at_data(rcpt)
        await say('354 go on')
        lines = []
        while True:
            line = await reader.readline()
            if not line:
                self.aborted += 1
                return False
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line.startswith(b'.') else line)
        text = b''.join(lines).decode('utf-8', 'replace')
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.at_dot:
            self.at_dot(rcpt)
        hit, what = self.fault('dot', rcpt)
        if hit and what != 'drip':
            if what == 'hang':
                await asyncio.sleep(30)
            if what is None or what == 'hang':
                return False
            await say(what)
            return not what.startswith('421')
        found = re.search(r'(?im)^message-id:\s*<([^>]+)>', text)
        key = found.group(1) if found else '?'
        self.copies[key] = self.copies.get(key, 0) + 1
        self.mails.append((time.time(), rcpt, text))
        if what == 'drip':
            for c in '250 2.0.0 queued as drip\r\n':
                writer.write(c.encode())
                await writer.drain()
                await asyncio.sleep(0.01)
        else:
            await say('250 2.0.0 queued as %d' % len(self.mails))
        return True
