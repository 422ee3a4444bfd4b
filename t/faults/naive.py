"""The control: read a group, send, acknowledge.  It must show duplicates."""

import random
import smtplib
import sys

from world import Redis, RedisError


def send(port, key, rcpt):
    s = smtplib.SMTP('127.0.0.1', port, timeout=5)
    s.sendmail('shop@shop.example', [rcpt],
               'Message-ID: <%s@naive.example>\r\n\r\nYour cart.\r\n' % key)
    s.quit()


def main(sock, port, chance, seed):
    r = Redis(sock)
    dice = random.Random(seed)

    def point():
        if dice.random() < chance:
            import os
            import signal
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        r.call('XGROUP', 'CREATE', 'naive', 'g', '0', 'MKSTREAM')
    except RedisError:
        pass
    while True:
        got = r.call('XAUTOCLAIM', 'naive', 'g', 'c', 50, '0-0', 'COUNT', 1)
        entries = got[1]
        if not entries:
            got = r.call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 1, 'BLOCK',
                         100, 'STREAMS', 'naive', '>')
            entries = got[0][1] if got else []
        if not entries and r.call('XPENDING', 'naive', 'g')[0] == 0 \
                and not r.call('XINFO', 'GROUPS', 'naive')[0][11]:
            return
        for entry, fields in entries:
            point()
            send(port, fields[1], fields[3])
            point()
            r.call('XACK', 'naive', 'g', entry)
            point()


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
