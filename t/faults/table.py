"""The SMTP fault table: each behaviour of a server and what it must mean.

Prints TAP.  A row: the recipient's behaviour, what the touch must become, how
many copies there may be, and whether the intent stays taken.
"""

import re
import sys

from tap import Tap
from world import World, base_policy, wait_for

#      behaviour    first outcome        copies  tries
ROWS = [
    ('ok',         'sent',               1),
    ('dotdrip',    'sent',               1),
    ('rcpt550',    'refused',            0),
    ('rcpt552',    'refused',            0),
    ('dot554',     'refused',            0),
    ('dot550',     'refused',            0),
    ('rcpt450',    'skip:retries',       0),
    ('rcpt452',    'skip:retries',       0),
    ('rcpt421',    'skip:retries',       0),
    ('dataclose',  'skip:retries',       0),
    ('dot451',     'skip:retries',       0),
    ('dot421',     'skip:retries',       0),
    ('dotclose',   'unknown',            0),
    ('dothang',    'unknown',            0),
]

# refused once, taken the second time: the intent must have been taken back
ONCE = ['rcpt450', 'rcpt452', 'rcpt421', 'dataclose', 'dot451', 'dot421']

BOUNCED = ['rcpt550', 'dot550']
TRIES = 3                       # one and `retry` has two


def policy():
    p = base_policy()
    p['sequence'] = p['sequence'][:1]
    return p


def rows(t):
    w = World('table', policy())
    w.heart()
    w.worker(retry='50ms 100ms', defer_ms=100, max_sends=8,
             send_timeout_ms=600)
    for name, want, copies in ROWS:
        vid = w.shopper(name + '@sink.example')
        jid, j = w.state(vid, 'done|bounced', 30)
        key = jid + '.1@shop.example'
        t.eq(j.get('a1'), want, '%s: %s' % (name, want))
        t.eq(w.sink.copies.get(key, 0), copies, '%s: %d copies'
             % (name, copies))
        if want == 'skip:retries':
            t.eq(j.get('a1.n'), str(TRIES), name + ': each try counted')
            t.eq(w.call('HGET', w.key('p:' + j['pid']), 'sends') or '', '',
                 name + ': a message that did not leave counts for no cap')
        if name in BOUNCED:
            t.eq(j['st'], 'bounced', name + ': the address is suppressed')
            t.ok(w.call('HGET', w.key('sup'), 'email:' + j['pid']),
                 name + ': and for good')
        if want == 'refused':
            text = '%s %s' % (j.get('a1.ref'), w.log())
            t.ok(name + '@' not in text and 'no such user ' + name not in text,
                 name + ': a reply that repeats the address is not kept so')
            t.ok(re.match(r'5\d\d ', j.get('a1.ref', '')),
                 name + ': but its code is')
        if want == 'sent':
            t.ok('250' in j.get('a1.ref', ''), name + ": the server's word")
    w.stop()


def once(t):
    w = World('once', policy())
    w.sink.once = set(ONCE)
    w.heart()
    w.worker(retry='50ms 100ms', defer_ms=100)
    for name in ONCE:
        vid = w.shopper(name + '@sink.example')
        jid, j = w.state(vid, 'done', 15)
        t.eq((j.get('a1'), w.sink.copies.get(jid + '.1@shop.example')),
             ('sent', 1), name + ' once: the second try is the only copy')
    w.stop()


def nobody(t):
    """Nobody listens: journeys wait, none is burnt, then all go out."""
    w = World('nobody', policy())
    w.heart()
    import socket
    s = socket.create_server(('127.0.0.1', 0))
    port = s.getsockname()[1]
    s.close()
    p = w.worker(smtp_url='smtp://127.0.0.1:%d' % port, defer_ms=100)
    vids = [w.shopper('n%d@sink.example' % i) for i in range(6)]
    wait_for(lambda: 'channel_paused' in w.log(), 15, 'pause')
    t.ok(True, 'connection refused: the channel pauses after five failures')
    for vid in vids:
        j = w.state(vid, 'run')[1]
        t.ok(j['st'] == 'run' and 'a1' not in j, 'no journey is burnt')
    p.terminate()
    t.eq(p.wait(15), 0, 'and it stops cleanly')
    w.worker(name='worker')
    for vid in vids:
        jid, j = w.state(vid, 'done', 15)
        t.eq((j['a1'], w.sink.copies.get(jid + '.1@shop.example')),
             ('sent', 1), 'sent once somebody is there')
    w.stop()


def sender(t):
    """5.7.x and 530 speak of the sender: nobody is suppressed."""
    w = World('sender', policy())
    w.sink.once = {'rcpt571', 'auth'}
    w.heart()
    w.worker(defer_ms=100)
    for name in ('rcpt571', 'auth'):
        vid = w.shopper(name + '@sink.example')
        jid, j = w.state(vid, 'done', 15)
        t.eq((j['a1'], w.sink.copies.get(jid + '.1@shop.example')),
             ('sent', 1), name + ': waits, and is sent later')
        t.eq(w.call('HLEN', w.key('sup')), 0, name + ': nobody suppressed')
    w.stop()


def early(t):
    """Refused before the recipient was named: not the recipient's fault."""
    w = World('early', policy())
    w.heart()
    w.worker(defer_ms=100)
    for name, where, what in (
        ('greet', 'greets', '554 5.3.2 no service here'),
        ('from', 'mail_says', '550 sender rejected'),
        ('from518', 'mail_says', '553 5.1.8 sender has no domain'),
    ):
        getattr(w.sink, where).append(what)
        vid = w.shopper(name + '@sink.example')
        jid, j = w.state(vid, 'done|bounced', 15)
        t.eq((j['a1'], w.sink.copies.get(jid + '.1@shop.example')),
             ('sent', 1), name + ': waits, and is sent later')
        t.eq(getattr(w.sink, where), [], name + ': it was said')
        t.eq(w.call('HLEN', w.key('sup')), 0, name + ': nobody suppressed')
    w.stop()


def main():
    t = Tap()
    rows(t)
    once(t)
    nobody(t)
    sender(t)
    early(t)
    return t.end()


if __name__ == '__main__':
    sys.exit(main())
