"""Kills workers at labelled points and at random, and counts copies.

kill.py [--touches N] [--kills N] [--workers N] [--redis-kills N]
        [--fsync everysec|always] [--naive]

Prints one JSON object.  Exit 1 when anything is not as it must be:
no copy too many, `sent` exactly where there is one copy, `unknown` only after
an intent, nothing stuck.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from world import BUILD, World, seeded, wait_for

POINTS = ['pre_ingest', 'post_ingest', 'pre_reap', 'post_reap', 'pre_claim',
          'post_claim', 'pre_gate', 'post_gate', 'post_check', 'post_render',
          'post_start', 'mid_data', 'pre_intent', 'post_intent',
          'post_journal', 'post_reply', 'pre_result', 'post_result']

# Points that are passed each turn, not each touch: a smaller chance.
OFTEN = {'pre_reap': 0.5, 'post_reap': 0.5, 'pre_claim': 0.1,
         'pre_ingest': 0.03, 'post_ingest': 0.03}


class Slot:
    """One supervised worker: started again whenever it dies."""

    def __init__(self, world, name, dice):
        self.world, self.name, self.dice = world, name, dice
        self.proc, self.kill_at, self.starts = None, None, 0

    def start(self, killing):
        spec, self.kill_at = None, None
        if killing:
            if self.dice.random() < 0.25:
                self.kill_at = time.time() + self.dice.uniform(0.02, 0.25)
                spec = 'none:0'
            else:
                point = POINTS[self.starts % len(POINTS)]
                spec = '%s:%g' % (point, OFTEN.get(point, 0.25))
                self.kill_at = time.time() + 0.5
        self.starts += 1
        self.proc = self.world.worker(self.name, kill=spec or 'none:0',
                                      seed=self.dice.randrange(1 << 30))

    def poll(self, killing):
        """1 when the worker was found killed."""
        if self.proc is None:
            self.start(killing)
            return 0
        if self.kill_at and time.time() > self.kill_at and killing:
            self.proc.kill()
        code = self.proc.poll()
        if code is None:
            return 0
        self.world.workers.remove(self.proc)
        if code != -9:
            raise SystemExit('worker ended with %r:\n%s'
                             % (code, self.world.log(self.name)[-2000:]))
        self.start(killing)
        return 1


def feed(world, carts, dice):
    people = ['p%d@sink.example' % i for i in range(carts)]
    sealed = world.seal(people)
    for i in range(carts):
        vid = '%032x' % dice.getrandbits(128)
        world.cart(vid)
        world.contact(vid, *sealed[i])
        yield vid


def judge(world, touches, kills, slots, extra):
    sink, problems = world.sink, []
    count = {'sent': 0, 'unknown': 0, 'unknown_delivered': 0, 'skipped': 0,
             'refused': 0}
    journeys = world.journeys()

    # A kill between cart and contact may end the wait without an address; the
    # contact then opens the journey that counts.
    served = {j['vid'] for j in journeys.values() if j['st'] != 'nocontact'}
    for jid in [k for k, j in journeys.items() if j['st'] == 'nocontact']:
        if journeys[jid]['vid'] not in served:
            problems.append('%s has no journey' % journeys[jid]['vid'])
        del journeys[jid]
    for jid, j in journeys.items():
        if j.get('st') != 'done' and j.get('by') != 'poison':
            problems.append('%s is %s' % (jid, j.get('st')))
        for n in range(1, 4):
            a = j.get('a%d' % n)
            copies = sink.copies.get('%s.%d@shop.example' % (jid, n), 0)
            if a == 'sent':
                count['sent'] += 1
                if copies != 1:
                    problems.append('%s.%d sent, %d copies' % (jid, n, copies))
            elif a == 'unknown':
                count['unknown'] += 1
                count['unknown_delivered'] += copies
            elif a and a.startswith('skip:'):
                count['skipped'] += 1
                if copies:
                    problems.append('%s.%d %s, %d copies'
                                    % (jid, n, a, copies))
            elif copies:
                problems.append('%s.%d is %s, %d copies'
                                % (jid, n, a, copies))
    doubles = sum(c - 1 for c in sink.copies.values())
    if doubles:
        problems.append('%d extra copies' % doubles)
    if len(journeys) * 3 < touches:
        problems.append('%d journeys for %d touches'
                        % (len(journeys), touches))
    labels = {}
    if os.path.exists(world.dir + '/kills'):
        with open(world.dir + '/kills') as f:
            for line in f:
                labels[line.strip()] = labels.get(line.strip(), 0) + 1
    out = {'touches': len(journeys) * 3, 'kills': kills,
           'kills_labelled': sum(labels.values()), 'extra_copies': doubles,
           'delivered': len(sink.mails), **count, 'stuck': 0,
           'labels': labels, 'problems': problems[:20], **extra}
    return out


def real(args, seed, dice):
    world = World('kill', fsync=args.fsync)
    world.heart()
    began = time.time()
    kills = redis_kills = 0
    carts = (args.touches + 2) // 3
    slots = [Slot(world, 'w%d' % i, dice) for i in range(args.workers)]
    feeder = feed(world, carts, dice)
    fed, end = False, time.time() + args.seconds
    quiet = 0
    # Carts are fed as kills are spent, so that each part sees its share.
    while not fed or not world.all_terminal() or kills < args.kills:
        killing = kills < args.kills
        for s in slots:
            kills += s.poll(killing)
        share = fed_count(world) / carts
        while not fed and (share <= (kills + 5) / max(args.kills, 1)
                           or not killing):
            if next(feeder, None) is None:
                fed = True
                break
            world.fed = getattr(world, 'fed', 0) + 1
            share = world.fed / carts
        if args.redis_kills and killing and redis_kills < args.redis_kills \
                and kills * args.redis_kills > redis_kills * args.kills:
            world.redis_kill()
            world.redis_start()
            world.beat()
            redis_kills += 1
        if time.time() > end:
            out = judge(world, args.touches, kills, slots, {})
            out['stuck'] = sum(world.call(c, world.key(k)) for c, k in (
                ('ZCARD', 'due'), ('ZCARD', 'lease'), ('XLEN', 'in')))
            out['problems'].append('not terminal after %g s' % args.seconds)
            print(json.dumps(out))
            world.stop()
            return 1
        time.sleep(0.005)
        quiet += 1
    extra = {'seconds': round(time.time() - began, 1), 'seed': seed,
             'redis_kills': redis_kills, 'fsync': args.fsync}
    out = judge(world, args.touches, kills, slots, extra)
    print(json.dumps(out))
    world.stop()
    return 1 if out['problems'] or kills < args.kills else 0


def fed_count(world):
    return getattr(world, 'fed', 0)


def naive(args, seed, dice):
    world = World('naive')
    began, kills = time.time(), 0
    for i in range(args.touches):
        world.call('XADD', 'naive', '*', 'key', 'n%d' % i, 'rcpt',
                   'p%d@sink.example' % i)
    end = time.time() + args.seconds
    while time.time() < end:
        p = subprocess.run(
            [sys.executable, os.path.join(os.path.dirname(__file__),
                                          'naive.py'), world.sockpath,
             str(world.sink.port), '0.11', str(dice.randrange(1 << 30))])
        if p.returncode == 0:
            break
        kills += 1
    extra = sum(c - 1 for c in world.sink.copies.values())
    print(json.dumps({'touches': args.touches, 'kills': kills,
                      'extra_copies': extra, 'seed': seed,
                      'delivered': len(world.sink.mails),
                      'seconds': round(time.time() - began, 1)}))
    world.stop()
    return 1 if extra == 0 or len(world.sink.copies) < args.touches else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--touches', type=int, default=2100)
    p.add_argument('--kills', type=int, default=500)
    p.add_argument('--workers', type=int, default=2)
    p.add_argument('--redis-kills', type=int, default=0)
    p.add_argument('--fsync', default='everysec')
    p.add_argument('--seconds', type=float, default=240)
    p.add_argument('--naive', action='store_true')
    args = p.parse_args()
    seed, dice = seeded()
    return (naive if args.naive else real)(args, seed, dice)


if __name__ == '__main__':
    sys.exit(main())
