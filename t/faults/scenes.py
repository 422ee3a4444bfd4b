"""The worker against the world, scene by scene.  Prints TAP.

scenes.py [NAME...] runs some of them.
"""


import os
import random
import re
import signal
import sys
import time


from tap import Tap
from world import World, base_policy, wait_for


def one_touch(**caps):
    p = base_policy()
    p['sequence'] = p['sequence'][:1]
    p['caps'].update(caps)
    return p


def world(name, policy=None, start=True, **conf):
    w = World(name, policy or base_policy())
    w.heart()
    if start:
        w.worker(**conf)
    return w


def copies(w, jid, step=1):
    return w.sink.copies.get('%s.%d@shop.example' % (jid, step), 0)


def decode(text):
    import email
    import email.policy
    m = email.message_from_string(text, policy=email.policy.default)
    return m, m.get_body(('plain',)).get_content()


# -- the message ------------------------------------------------------------


def message(t):
    w = world('message')
    vid = w.shopper('ann@sink.example')
    jid, j = w.state(vid, 'done')
    t.eq([j.get('a%d' % i) for i in (1, 2, 3)], ['sent'] * 3,
         'three touches, one after the other')
    t.eq(sorted(w.sink.copies.values()), [1, 1, 1], 'one copy each')
    m, text = decode(w.sink.mails[0][2])
    t.eq(m['message-id'], '<%s.1@shop.example>' % jid, 'Message-ID is the key')
    t.eq(m['list-unsubscribe-post'], 'List-Unsubscribe=One-Click',
         'one click')
    t.ok('Blue mug' in text and '29.90' in text, 'names the line and total')
    link = re.search(r'/_cr/r/(\S+)', text).group(1)
    t.eq(w.token('r', link), jid, 'the restore link is the journey')
    link = re.search(r'/_cr/u/([^>,\s]+)', m['list-unsubscribe']).group(1)
    t.eq(w.token('u', link), j['pid'], 'the unsubscribe link is the address')
    stored = ''.join(str(w.call('HGETALL', k)) for k in
                     w.call('KEYS', w.key('*')) if w.call('TYPE', k) == 'hash')
    t.ok('ann@' not in stored and 'ann@' not in w.log(),
         'the address stands in clear neither in Redis nor in the log')
    m2 = decode(w.sink.mails[1][2])[0]
    t.ok(m2['subject'] != m['subject'], 'the second touch says another thing')
    w.stop()


def german(t):
    w = world('german', one_touch())
    vid = w.shopper('de@sink.example', loc='de-AT')
    w.state(vid, 'done')
    text = decode(w.sink.mails[0][2])[1]
    t.ok('29,90' in text, "the shopper's language and money")
    w.stop()


# -- who gets nothing -------------------------------------------------------


def nothing(t):
    """Gates, each with its control in the same world."""
    p = one_touch()
    p['abandon']['min_value'] = 1000
    p['exclude'] = {'emails': ['@bots.example', 'boss@sink.example']}
    w = world('nothing', p)
    control = w.shopper('yes@sink.example')
    cases = [
        ('noconsent', 'no consent', dict(yes=0)),
        ('expired', 'a bot', dict(bot=1)),
        ('expired', 'too small', dict(total=999)),
        ('expired', 'an empty cart', dict(items=[])),
    ]
    for st, text, how in cases[:3]:
        vid = w.shopper(text.replace(' ', '') + '@sink.example', **how)
        t.eq(w.state(vid, st)[1]['st'], st, text + ': ' + st)
    for who in ('x@bots.example', 'boss@sink.example'):
        vid = w.shopper(who)
        t.eq(w.state(vid, 'expired')[1].get('by'), 'excluded',
             who.split('@')[1] + ' is excluded')
    vid = '%032x' % random.getrandbits(128)
    w.cart(vid)
    jid, j = w.state(vid, 'nocontact')
    t.eq(j['arm'], 'treat', 'nobody known: nocontact, and the arm on record')
    sealed, look = w.seal(['late@sink.example'])[0]
    w.contact(vid, sealed, look)
    t.eq(w.state(vid, 'done')[1]['a1'], 'sent', 'an address later: sent')
    vid = w.shopper('hold@sink.example', arm='holdout')
    jid, j = w.state(vid, 'done')
    t.eq((j['arm'], j.get('a1'), copies(w, jid)), ('holdout', 'would_send',
         0), 'holdout: the same clock, would_send, no copy')
    vid = w.shopper('empty@sink.example')
    w.cart(vid, total=5000, items=[])
    t.eq(w.state(vid, 'expired')[1].get('by'), 'empty', 'an emptied cart')
    jid, j = w.state(control, 'done')
    t.eq((j['a1'], copies(w, jid)), ('sent', 1), 'control: sent once')
    t.eq(len(w.sink.mails), 2, 'and nobody else got anything')
    out = w.call('XRANGE', w.key('out'), '-', '+')
    arms = [dict(zip(f[::2], f[1::2])) for _, f in out]
    t.ok(sum(a['t'] == 'arm' for a in arms) >= 9,
         'the arm of each abandoned cart is on record')
    w.stop()


def gpc(t):
    w = world('gpc', one_touch())
    vid = '%032x' % random.getrandbits(128)
    sealed, look = w.seal(['gpc@sink.example'])[0]
    w.put('consent', vid, {'ver': 1, 'tier': 't3', 'gpc': 1})
    w.cart(vid)
    w.contact(vid, sealed, look)
    t.eq(w.state(vid, 'noconsent')[1]['st'], 'noconsent', 'Sec-GPC: nothing')
    w.stop()


def suppressed(t):
    w = world('suppressed', one_touch())
    sealed, look = w.seal(['sup@sink.example'])[0]
    w.run('stop', 'a', look, 'complaint', 'all', '')
    vid = w.shopper('sup@sink.example')
    t.eq(w.state(vid, 'complaint')[1]['st'], 'complaint',
         'a suppressed address ends the journey')
    t.eq(len(w.sink.mails), 0, 'and gets nothing')
    w.stop()


# -- stopping ---------------------------------------------------------------


def late_order(t):
    """An order, an opt-out: between the touches, by each way."""
    p = base_policy()
    p['sequence'][1]['after'] = '1s'
    p['sequence'][2]['after'] = '2s'
    w = world('stop', p)
    how = {
        'order by stop': lambda v, l: w.run('stop', 'v', v, 'purchased',
                                            'all', 'x'),
        'order by log': lambda v, l: w.put('order', v, {
            'id': '1', 'total': 2990, 'cur': 'EUR', 'src': 'path'}),
        'order by address': lambda v, l: w.run('stop', 'a', l, 'purchased',
                                               'all', 'hook'),
        'order of another browser': lambda v, l: w.put('order', 'f' * 32, {
            'id': '2', 'src': 'hook', 'emh': l}),
        'opt-out by link': lambda v, l: w.run('stop', 'a', l, 'unsub', 'all',
                                              'link'),
        'withdrawal': lambda v, l: w.put('optout', v, {
            'chan': 'all', 'src': 'withdrawal'}),
        'restored and bought': lambda v, l: restored(v),
    }

    def restored(v):
        other = '%032x' % random.getrandbits(128)
        w.put('step', other, {'ev': 'restored', 'j': w.journey(v)[0]})
        w.run('stop', 'v', other, 'purchased', 'all', 'x')
        w.put('order', other, {'id': '3', 'src': 'path'})

    control = w.shopper('control@sink.example')
    people = []
    for i, name in enumerate(how):
        address = 'stop%d@sink.example' % i
        people.append((name, w.shopper(address), w.seal([address])[0][1]))
    for name, vid, look in people:
        w.field(vid, 'a1', 'sent')
        how[name](vid, look)
    for name, vid, look in people:
        want = 'unsub' if 'opt' in name or 'with' in name else 'purchased'
        jid, j = w.state(vid, want)
        t.eq((j['st'], 'a2' in j), (want, False), name + ': ' + want)
    jid, j = w.state(control, 'done', 15)
    t.eq([copies(w, jid, n) for n in (1, 2, 3)], [1, 1, 1],
         'control: without an order all three come')
    for name, vid, look in people:
        jid = w.journey(vid)[0]
        t.eq([copies(w, jid, n) for n in (1, 2, 3)], [1, 0, 0],
             name + ': nothing after it')
    # a cart or contact that is folded after the order opens no journey
    name, vid, look = people[0]
    w.cart(vid, total=5000)
    w.contact(vid, w.seal(['stop0@sink.example'])[0][0], look)
    wait_for(lambda: w.call('XLEN', w.key('in')) == 0, 10, 'ingest')
    t.eq(w.journey(vid)[1]['st'], 'purchased', 'no new journey after it')
    w.stop()


def race(t):
    """Purchases at random moments: what still arrives was told as in flight."""
    p = one_touch()
    w = World('race', p)
    w.heart()
    w.sink.delay = 0.002
    seed = int(os.environ.get('CR_SEED', random.randrange(1 << 30)))
    print('# CR_SEED=%d' % seed)
    dice = random.Random(seed)
    for i in range(2):
        w.worker('w%d' % i, poll_ms=5)
    n = int(os.environ.get('CR_RACES', '600'))
    told, stopped = {}, {}
    people = w.seal(['r%d@sink.example' % i for i in range(n)])
    pending = []
    for i in range(n):
        vid = '%032x' % dice.getrandbits(128)
        w.cart(vid)
        w.contact(vid, *people[i])
        pending.append((time.time() + dice.uniform(0.03, 0.25), vid))
        if i % 20 == 19:
            pending.sort()
            while pending:
                at, vid = pending.pop(0)
                time.sleep(max(0, at - time.time()))
                told[vid] = w.run('stop', 'v', vid, 'purchased', 'all', 'x')
                stopped[vid] = time.time()
    wait_for(w.all_terminal, 20, 'end')
    by_jid = {w.journey(v)[0]: v for v in told if w.journey(v)[0]}
    late = unreported = before = after = 0
    for at, rcpt, text in w.sink.mails:
        jid = re.search(r'(?im)^message-id:\s*<([0-9a-f]+)\.', text).group(1)
        vid = by_jid[jid]
        if at <= stopped[vid]:
            before += 1
            continue
        late += 1
        if told[vid] != 'sending':
            unreported += 1
    after = sum(1 for v in told.values() if v == 'none')
    print('# %d stops: %d mails before, %d after, %d of them not told'
          % (n, before, late, unreported))
    t.eq(unreported, 0, 'what arrives after STOP was told as in flight')
    t.ok(before > n // 20 and after > n // 20,
         'control: the stops fall on both sides (%d sent, %d not)'
         % (before, after))
    t.eq(max(w.sink.copies.values()), 1, 'no second copy')
    w.stop()


# -- the clock --------------------------------------------------------------


def rearm(t):
    """Activity begins the wait anew."""
    p = one_touch()
    p['abandon']['cart_after'] = p['abandon']['checkout_after'] = '1s'
    w = world('rearm', p)
    vid = w.shopper('busy@sink.example')
    began = time.time()
    while time.time() - began < 2.5:
        w.put('seen', vid, {'stage': 'cart'})
        time.sleep(0.1)
    t.eq(w.journey(vid)[1]['st'], 'wait', 'busy for 2.5 s: still waiting')
    t.eq(len(w.sink.mails), 0, 'no mail while the shopper is there')
    last = time.time()
    w.state(vid, 'done')
    t.ok(w.sink.mails[0][0] - last > 0.7, 'one delay after the last sign')
    w.stop()


def quiet(t):
    """Inside quiet hours nothing leaves; the plan moves to their end."""
    now = time.gmtime()
    minute = now.tm_hour * 60 + now.tm_min

    def clock(m):
        m %= 1440
        return '%02d:%02d' % (m // 60, m % 60)

    p = one_touch(quiet=[clock(minute - 60), clock(minute + 60)],
                  max_late='1m')
    p['shop']['tz'] = 'UTC'
    w = world('quiet', p)
    vid = w.shopper('quiet@sink.example')
    w.state(vid, 'run')
    jid = w.journey(vid)[0]
    due = wait_for(lambda: float(w.call('ZSCORE', w.key('due'), jid) or 0)
                   > (time.time() + 1800) * 1000 and
                   float(w.call('ZSCORE', w.key('due'), jid)), 10, 'move')
    end = time.gmtime(due / 1000)
    t.eq('%02d:%02d:%02d' % (end.tm_hour, end.tm_min, end.tm_sec),
         clock(minute + 60) + ':00', 'due when the quiet hours end')
    t.eq(w.journey(vid)[1].get('a1'), None, 'not late, not skipped')
    t.eq(len(w.sink.mails), 0, 'nothing leaves in quiet hours')
    p['caps']['quiet'] = [clock(minute + 60), clock(minute + 120)]
    w.policy = p
    w.publish()
    wait_for(lambda: w.log().count('"event":"policy"') == 2, 10, 'policy')
    other = w.shopper('awake@sink.example')
    t.eq(w.state(other, 'done')[1]['a1'], 'sent', 'control: outside, sent')
    w.stop()


def late(t):
    """Too late is skipped, and the schedule goes on: no burst."""
    p = base_policy()
    p['caps']['max_late'] = '300ms'
    p['sequence'][2]['after'] = '20s'
    w = World('late', p)
    w.heart()
    vid = w.shopper('late@sink.example')
    proc = w.worker()
    w.field(vid, 'a1')
    proc.send_signal(signal.SIGSTOP)
    jid, j = w.journey(vid)
    if 'a2' not in j:
        time.sleep(1.2)
    proc.send_signal(signal.SIGCONT)
    w.field(vid, 'a2')
    other = w.shopper('second@sink.example')
    w.call('HSET', w.key('ctl'), 'pause', 'test')
    jid2 = w.state(other, 'run')[0]
    w.field(other, 'a1', 'skip:late')
    w.field(other, 'a2', 'skip:late')
    t.eq(copies(w, jid2), 0, 'paused beyond max_late: skip:late, no burst')
    t.eq(w.journey(other)[1]['st'], 'run', 'the third touch is still to come')
    t.ok(w.journey(vid)[1]['a2'] in ('skip:late', 'sent'),
         'a stopped worker wakes up: late or in time, never double')
    t.ok(copies(w, jid, 2) <= 1, 'one copy at most')
    w.stop()


def gap(t):
    """The minimum gap and the week's cap, over several journeys of a person."""
    p = base_policy()
    p['caps'].update(min_gap='150ms', messages_per_7d=4)
    w = world('gap', p)
    vid = w.shopper('often@sink.example')
    jid, j = w.state(vid, 'done')
    t.eq([j['a%d' % i] for i in (1, 2, 3)], ['sent'] * 3, 'three touches')
    w.cart(vid, total=100, items=[{'r': 'X', 'q': 1}])
    wait_for(lambda: w.journey(vid)[0] != jid, 10, 'a second journey')
    jid, j = w.state(vid, 'done')
    t.eq([j['a%d' % i] for i in (1, 2, 3)], ['sent', 'skip:cap', 'skip:cap'],
         'four messages in seven days, the rest is skipped')
    times = sorted(m[0] for m in w.sink.mails)
    t.ok(min(b - a for a, b in zip(times, times[1:])) >= 0.145,
         'the gap between any two is kept, over both journeys')
    w.cart(vid, total=200, items=[{'r': 'Y', 'q': 1}])
    wait_for(lambda: w.journey(vid)[0] != jid, 10, 'a third journey')
    t.eq(w.state(vid, 'expired')[1].get('by'), 'cap',
         'a third cart: over the cap at the gate')
    w.stop()


def person(t):
    """Two browsers, one address: one journey, the newest cart's."""
    p = one_touch()
    p['abandon']['cart_after'] = p['abandon']['checkout_after'] = '500ms'
    w = world('person', p)
    a = w.shopper('both@sink.example', total=1000)
    b = w.shopper('both@sink.example', total=2000)
    ja = w.state(a, 'expired')[1]
    jid, jb = w.state(b, 'done')
    t.eq((ja.get('by'), jb['a1'], jb['total']), ('superseded', 'sent',
         '2000'), 'the older cart is not followed up')
    t.eq(len(w.sink.mails), 1, 'one message')
    w.stop()


def erase(t):
    """Erasure leaves a suppression and nothing else of the person."""
    w = world('erase', one_touch())
    vid = w.shopper('gone@sink.example')
    jid, j = w.state(vid, 'done')
    sealed, look = w.seal(['gone@sink.example'])[0]
    t.eq(w.run('erase', 'email', look), [1, 1, 1, 0],
         'one person, one journey, one visitor')
    left = w.call('KEYS', w.key('*'))
    t.ok(not any(re.search(r':(p|j|v|ix):', k) for k in left),
         'no key of theirs is left')
    t.ok(w.call('HGET', w.key('sup'), 'email:' + look).startswith('erased'),
         'the suppression stays')
    vid = w.shopper('gone@sink.example')
    t.eq(w.state(vid, 'erased')[1]['st'], 'erased', 'and holds')
    t.eq(len(w.sink.mails), 1, 'nothing more is sent')
    w.stop()


def unfolded(t):
    """Erasure finds what the log holds and no worker has folded yet."""
    w = world('unfolded', one_touch(), start=False)
    (sealed, look), (other, other_look) = w.seal(['gone@sink.example',
                                                  'stays@sink.example'])
    for i in range(1100):
        w.cart('%032x' % i)
    w.contact('%032x' % 1, sealed, look)
    w.contact('%032x' % 2, other, other_look)
    t.eq(w.run('erase', 'email', look), [0, 0, 0, 1],
         'one entry, behind more than a page of others')
    left = str(w.call('XRANGE', w.key('in'), '-', '+'))
    t.ok(look not in left and sealed not in left, 'it is gone')
    t.ok(other_look in left, "control: another person's is not")
    w.stop()


def chain(t):
    """A person merged twice over is still found: an order ends the journey."""
    p = one_touch()
    p['abandon']['cart_after'] = p['abandon']['checkout_after'] = '1h'
    w = world('chain', p)
    old, phone, young, meet, far = ('%032x' % random.getrandbits(128)
                                    for _ in range(5))
    (em3, look3), (em1, look1) = w.seal(['old@sink.example',
                                         'young@sink.example'])
    phh = '%032x' % random.getrandbits(128)

    def settled():
        wait_for(lambda: w.call('XLEN', w.key('in')) == 0, 10, 'folding')
        time.sleep(0.01)

    w.contact(old, em3, look3)
    w.cart(old)
    settled()
    w.put('contact', phone, {'ph': 'sealed', 'phh': phh})
    settled()
    w.contact(young, em1, look1)
    settled()
    w.contact(meet, em1, look1, ph='sealed', phh=phh)
    settled()
    w.contact(meet, em3, look3, ph='sealed', phh=phh)
    settled()
    t.eq(w.call('HGET', w.key('p:' + phh), 'alias'), look3,
         'the second merge')
    t.eq(w.call('HGET', w.key('p:' + look1), 'alias'), phh, 'of two')
    t.eq(w.state(old, 'wait')[1]['pid'], look3, 'a journey is open')
    w.put('order', far, {'id': '1', 'total': 1, 'cur': 'EUR'})
    settled()
    t.eq(w.journey(old)[1]['st'], 'wait', "control: a stranger's order")
    w.put('order', young, {'id': '2', 'total': 1, 'cur': 'EUR'})
    t.eq(w.state(old, 'purchased')[1]['st'], 'purchased',
         'an order in the browser of the first name ends it')
    w.stop()


def yes(t):
    """Consent to mail at one address is none for a person's other one."""
    w = world('yes', one_touch(), start=False)
    for other, want in (('b', None), ('a', '1')):
        w.call('HSET', w.key('p:' + '1' * 32), 'born', 1, 'emh', 'a' * 32)
        w.call('HSET', w.key('p:' + '2' * 32), 'born', 2, 'emh', other * 32,
               'c:email', '1 5 form - 1-1')
        t.eq(w.run('merge', '1' * 32, '2' * 32), '1' * 32, 'the older stays')
        got = w.call('HGET', w.key('p:' + '1' * 32), 'c:email')
        t.eq(got and got[0], want, 'a yes for %s, kept is a: %s'
             % (other, want))
        w.call('DEL', w.key('p:' + '1' * 32), w.key('p:' + '2' * 32))
    w.stop()


SCENES = [message, german, nothing, gpc, suppressed, late_order, race, rearm,
          quiet, late, gap, person, erase,
          unfolded, chain, yes]


def main():
    import outage
    t = Tap()
    scenes = SCENES + outage.SCENES
    want = sys.argv[1:]
    for f in scenes:
        if not want or f.__name__ in want:
            print('# ' + f.__name__)
            t.case(f)
    return t.end()


if __name__ == '__main__':
    sys.exit(main())
