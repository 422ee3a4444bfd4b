"""Folding does not depend on the order: shuffled, doubled and replayed events
give the same state.  Prints TAP.

INGEST is called as the worker calls it, without a worker.
"""

import hashlib
import json
import os
import sys

from tap import Tap
from world import RedisError, World, base_policy, seeded

DELAYS = '2700000 1800000 900000'
OPEN = ('anon', 'wait', 'run', 'holdout')
ROUNDS = int(os.environ.get('CR_ROUNDS', '400'))


class Folder:
    """One site after the other on one Redis."""

    def __init__(self, world):
        self.w, self.n = world, 0

    def begin(self):
        self.n += 1
        self.site = 'fold-%d' % self.n
        self.w.call('XGROUP', 'CREATE', self.w.key('in', self.site), 'w', '0',
                    'MKSTREAM')

    def put(self, ms, event):
        kind, vid, seq, e, d = event
        self.w.call('XADD', self.w.key('in', self.site), '%d-*' % ms, 't',
                    kind, 'v', vid, 'n', 'n1', 'seq', seq, 'e', e, 'd',
                    d if isinstance(d, str) else json.dumps(d))

    def read(self):
        got = self.w.call('XREADGROUP', 'GROUP', 'w', 'c', 'COUNT', '10000',
                          'STREAMS', self.w.key('in', self.site), '>')
        return got[0][1] if got else []

    def fold(self, entry):
        eid, flat = entry
        f = dict(zip(flat[::2], flat[1::2]))
        gen = jid = ''
        for _ in range(5):
            r = self.w.run('ingest', eid, f['t'], f['v'], f['n'], f['seq'],
                           f['e'], f['d'], DELAYS, 1000000, gen, jid,
                           site=self.site)
            if not r.startswith('need '):
                return r
            gen = r[5:]
            jid = hashlib.md5((f['v'] + gen).encode()).hexdigest()
        raise RuntimeError('INGEST asks for ever')

    def keys(self, kind):
        out, cur = {}, '0'
        pre = self.w.key(kind + ':', self.site)
        while True:
            cur, keys = self.w.call('SCAN', cur, 'MATCH', pre + '*', 'COUNT',
                                    1000)
            for k in keys:
                flat = self.w.call('HGETALL', k)
                out[k[len(pre):]] = dict(zip(flat[::2], flat[1::2]))
            if cur == '0':
                return out

    def state(self):
        """What must be the same: open journeys, persons, suppressions.

        A journey over an emptied cart sends nothing and ends at its gate: it
        counts as none.
        """
        journeys = sorted(
            [j['vid'], j['st'], j['cart'], j['total'], j['pid'], j['arm'],
             j['stage'], j['act'],
             str(int(float(self.w.call('ZSCORE', self.w.key('due', self.site),
                                       jid) or 0)))]
            for jid, j in self.keys('j').items()
            if j['st'] in OPEN and j['items'] != '0')
        persons = sorted(
            [pid, p.get('emh'), (p.get('c:email') or '')[:1],
             sorted(p.get('vs', '').split()), 'ord' in p]
            for pid, p in self.keys('p').items() if 'alias' not in p)
        sup = sorted(self.w.hash_of('sup', self.site))
        visitors = sorted(
            [vid, v.get('cart'), v.get('tier'), v.get('gpc'), 'ord' in v,
             'opt' in v]
            for vid, v in self.keys('v').items())
        return [journeys, persons, sup, visitors]

    def drop(self):
        cur = '0'
        while True:
            cur, keys = self.w.call('SCAN', cur, 'MATCH',
                                    self.w.key('*', self.site), 'COUNT', 1000)
            if keys:
                self.w.call('DEL', *keys)
            if cur == '0':
                return


def hash_of(self, rest, site):
    flat = self.call('HGETALL', self.key(rest, site))
    return dict(zip(flat[::2], flat[1::2]))


World.hash_of = hash_of


def story(dice, mixed=False):
    """A few visitors' random doings, in the order in which they happened.

    One browser with two addresses, or two browsers with one each (perhaps the
    same); mixed: both at once.
    """
    out, seq = [], 0
    people = ['%032x' % dice.getrandbits(128) for _ in range(2)]
    visitors = ['%032x' % dice.getrandbits(128)
                for _ in range(2 if mixed else dice.choice([1, 2]))]
    own = {v: dice.choice(people) for v in visitors}
    for _ in range(dice.randrange(3, 12)):
        seq += 1
        vid = dice.choice(visitors)
        kind = dice.choice(['cart'] * 4 + ['contact'] * 3 + ['step', 'seen',
                           'consent'] + ['order', 'optout'] * (seq > 2))
        if kind == 'cart':
            n = dice.randrange(0, 4)
            d = {'ver': seq, 'cur': 'EUR', 'total': n * 100, 'n': n,
                 'items': [{'r': 'S%d' % i, 'q': 1, 'p': 100}
                           for i in range(n)],
                 'stage': dice.choice(['cart', 'checkout', 'payment']),
                 'arm': 'treat', 'ep': 1}
        elif kind == 'contact':
            who = own[vid] if len(visitors) > 1 and not mixed \
                else dice.choice(people)
            d = {'em': 'sealed-' + who, 'emh': who,
                 'cons': {'email': dice.choice([0, 1, 1])}, 'arm': 'treat',
                 'ep': 1}
        elif kind == 'order':
            d = {'id': str(seq), 'total': 100, 'cur': 'EUR', 'src': 'path'}
        elif kind == 'optout':
            d = {'chan': 'all', 'src': 'withdrawal'}
        elif kind == 'consent':
            d = {'tier': dice.choice(['t1', 't3']), 'gpc': dice.choice([0, 1])}
        else:
            d = {'stage': dice.choice(['cart', 'checkout'])}
        out.append((kind, vid, '7-%d' % seq, '7.%s.%s.%d' % (vid, kind, seq),
                    d))
    return out


def shuffled(t, f, dice, rounds, mixed=False):
    """The same log, folded in any order, with doubles.

    Where browsers share persons and change addresses too, which of the carts is
    followed up may depend on the order; whom we may write to never does.
    """
    differ = doubles = 0
    now = int(f.w.call('TIME')[0]) * 1000
    for _ in range(rounds):
        events = story(dice, mixed)
        want = None
        for turn in range(3):
            f.begin()
            for i, ev in enumerate(events):
                f.put(now + i * 10, ev)
            entries = f.read()
            if turn:
                dice.shuffle(entries)
            again = []
            for entry in entries:
                f.fold(entry)
                if dice.random() < 0.3:
                    again.append(entry)
            # a replay of entries that were folded, and of events under
            # their old id
            for entry in again:
                doubles += f.fold(entry) == 'gone'
            got = f.state()[1 if mixed else 0:]
            if want is None:
                want = got
            elif got != want:
                differ += 1
                if differ == 1:
                    print('# story: ' + json.dumps(events))
                    print('# want: ' + json.dumps(want))
                    print('#  got: ' + json.dumps(got))
            f.drop()
    t.eq(differ, 0, '%d stories%s, each folded in three orders: same state'
         % (rounds, ' of shared persons' if mixed else ''))
    t.ok(doubles > rounds / 2, '%d replayed entries changed nothing'
         % doubles)


def resent(t, f, dice, rounds):
    """An event that comes again under its id is dropped."""
    dup = total = differ = 0
    now = int(f.w.call('TIME')[0]) * 1000
    for _ in range(rounds):
        events = story(dice)
        f.begin()
        for i, ev in enumerate(events):
            f.put(now + i * 10, ev)
        for entry in f.read():
            f.fold(entry)
        want = f.state()
        again = [e for e in events if dice.random() < 0.5]
        for i, ev in enumerate(again):
            f.put(now + 1000 + i, ev)
        for entry in f.read():
            total += 1
            dup += f.fold(entry) == 'dup'
        differ += f.state() != want
        f.drop()
    t.eq((dup, differ), (total, 0), '%d events sent again: all dropped'
         % total)


def control(t, f):
    """The comparison can fail: another last cart is another state."""
    vid = 'a' * 32
    now = int(f.w.call('TIME')[0]) * 1000
    got = []
    for total in (1, 2):
        f.begin()
        f.put(now, ('cart', vid, '7-1', '7.%s.cart.1' % vid,
                    {'n': 1, 'total': total, 'cur': 'EUR', 'stage': 'cart',
                     'items': [{'r': 'X', 'q': 1}]}))
        for entry in f.read():
            f.fold(entry)
        got.append(f.state())
        f.drop()
    t.ok(got[0] != got[1], 'control: two different carts are two states')
    t.ok(len(got[0][0]) == 1, 'control: a cart opens a journey')


def poison(t, f, dice, rounds):
    """Payloads that are no payloads: no script error, dead letters."""
    bits = ['', '{', '[]', 'null', '0', '"x"', '{"items":[1,{},null]}',
            '{"items":{"r":1}}', '{"n":1e999}', '{"n":-1e308,"total":1e300}',
            '{"emh":1,"em":{}}', '{"cons":[1]}', '{"cons":{"email":{}}}',
            '{"ev":"restored","j":"' + 'f' * 32 + '"}', '{"j":[]}',
            '{"stage":{}}', '{"stage":"nonsense"}', '{"arm":["treat"]}',
            '{"arm":"treat","ep":{}}', '{"chan":{}}', '{"chan":"\\u0000"}',
            '{"at":"x","emh":null}', '{"loc":"' + 'x' * 5000 + '"}',
            '{"a":' * 500 + '1' + '}' * 500, '{"total":9007199254740993}',
            '\xff\xfe', '{"src":' + '"' + 'q' * 7000 + '"}', '{"gpc":"1"}']
    errors = answers = 0
    dead = {}
    now = int(f.w.call('TIME')[0]) * 1000
    f.begin()
    kinds = ['cart', 'contact', 'consent', 'step', 'order', 'optout', 'seen',
             'exposure', 'nonsense', '']
    for i in range(rounds):
        vid = dice.choice(['b' * 32, 'c' * 32, 'short', 'Z' * 32, ''])
        text = dice.choice(bits)
        if dice.random() < 0.3:
            text = ''.join(chr(dice.randrange(256)) for _ in range(40))
        seq = dice.choice(['7-%d' % i, '', 'x-y', '9' * 60, '7-'])
        f.put(now + i, (dice.choice(kinds), vid, seq,
                        dice.choice(['', 'e%d' % i, 'x' * 200]), text))
    for entry in f.read():
        try:
            r = f.fold(entry)
            dead[r] = dead.get(r, 0) + 1
            answers += 1
        except RedisError as e:
            errors += 1
            print('# %s: %s' % (entry[1][:2] + entry[1][-1:], e))
    t.eq(errors, 0, '%d hostile events: no script fails' % rounds)
    t.eq(f.w.call('XLEN', f.w.key('in', f.site)), 0,
         'each is off the log')
    t.ok(dead.get('dead', 0) > 0 and f.w.call(
        'XLEN', f.w.key('dead', f.site)) == dead.get('dead'),
        '%s: the unreadable ones are dead letters' % dead)
    f.drop()


def main():
    t = Tap()
    seed, dice = seeded()
    print('# CR_SEED=%d' % seed)
    w = World('fold', base_policy())
    f = Folder(w)
    t.case(lambda t: control(t, f))
    t.case(lambda t: shuffled(t, f, dice, ROUNDS))
    t.case(lambda t: shuffled(t, f, dice, ROUNDS // 2, True))
    t.case(lambda t: resent(t, f, dice, ROUNDS // 4))
    t.case(lambda t: poison(t, f, dice, ROUNDS * 2))
    w.stop()
    return t.end()


if __name__ == '__main__':
    sys.exit(main())
