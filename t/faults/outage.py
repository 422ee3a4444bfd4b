"""Scenes in which something is missing: observers, Redis, its memory."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

from world import BUILD, World, base_policy, wait_for


def quick():
    p = base_policy()
    p['sequence'] = p['sequence'][:1]
    return p


def copies(w, jid, step=1):
    return w.sink.copies.get('%s.%d@shop.example' % (jid, step), 0)


def refused(w, word, vid, detail=None):
    """Waits until the worker has been refused with a word; nothing left."""
    wait_for(lambda: metric(w, 'intent_refused_total{word="%s"}' % word) > 0,
             10, word)
    j = w.journey(vid)[1]
    return j['st'] == 'run' and 'a1' not in j


def get(w, path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(w.dir + '/h.sock')
    s.sendall(('GET %s HTTP/1.1\r\nHost: x\r\n\r\n' % path).encode())
    data = b''
    while True:
        part = s.recv(65536)
        if not part:
            break
        data += part
    s.close()
    head, body = data.decode().split('\r\n\r\n', 1)
    return int(head.split()[1]), body


def metric(w, name):
    for line in get(w, '/metrics')[1].splitlines():
        if line.startswith('cartrecoverd_' + name + ' '):
            return float(line.split()[-1])
    return -1


def health(w):
    return 'unix:' + w.dir + '/h.sock'


def gate(t):
    """Nothing leaves while nginx is not heard."""
    for name, spoil, cure, word in (
        ('no heartbeat', lambda w: w.call('DEL', w.key('hb:n1')), None,
         'blind'),
        ('a second node is silent', lambda w: w.call(
            'HSET', w.key('nodes'), 'n2', 1),
         lambda w: w.call('HDEL', w.key('nodes'), 'n2'), 'blind'),
        ('a spool is not empty', lambda w: w.hb.update(spool=1),
         lambda w: w.hb.update(spool=0), 'blind'),
        ('no node at all', lambda w: w.call('DEL', w.key('nodes')),
         lambda w: w.call('HSET', w.key('nodes'), 'n1', 1), 'blind'),
        ('the site observes', lambda w: w.hb.update(mode='observe'),
         lambda w: w.hb.update(mode='on'), 'paused'),
        ('paused by the operator', lambda w: w.call(
            'HSET', w.key('ctl'), 'pause', 'operator'),
         lambda w: w.call('HDEL', w.key('ctl'), 'pause'), 'paused'),
        ('the channel is paused', lambda w: w.call(
            'HSET', w.key('ctl'), 'pause:email', 'operator'),
         lambda w: w.call('HDEL', w.key('ctl'), 'pause:email'), 'paused'),
    ):
        w = World('gate', quick())
        spoil(w)
        if name != 'no heartbeat':
            w.beat()
        w.worker(listen=health(w))
        vid = w.shopper('gate@sink.example')
        w.state(vid, 'run')
        t.ok(refused(w, word, vid), name + ': ' + word)
        t.eq(len(w.sink.mails), 0, name + ': nothing leaves')
        if cure:
            cure(w)
        w.beat()
        jid, j = w.state(vid, 'done')
        t.eq((j['a1'], copies(w, jid)), ('sent', 1), name + ': cured, sent')
        w.stop()


def settle(t):
    """After a gap nothing leaves for a while."""
    p = quick()
    p['gate'] = {'settle': '1500ms'}
    w = World('settle', p)
    w.call('DEL', w.key('hb:n1'))
    w.worker(listen=health(w))
    vid = w.shopper('settle@sink.example')
    w.state(vid, 'run')
    refused(w, 'blind', vid)
    w.heart()
    w.beat()
    began = time.time()
    jid, j = w.state(vid, 'done')
    t.ok(w.sink.mails[0][0] - began > 1.3, 'held after a gap, then sent')
    # a heartbeat that jumped over 30 s was missing in between
    w.call('HSET', w.key('ctl'), 'at:n1', int(time.time() * 1000) - 60000)
    wait_for(lambda: '"why":"settle"' in w.log() and w.log().count(
        '"event":"gate_closed"') >= 2, 10, 'the gap')
    t.ok(True, 'a gap that nobody watched closes the gate too')
    w.stop()


def restart(t):
    """kill -9 of Redis: the worker heals itself and goes on, nothing twice."""
    for fsync in ('everysec', 'always'):
        w = World('restart', base_policy(), fsync=fsync)
        w.heart()
        for i in range(2):
            w.worker('w%d' % i)
        vids = []
        for i in range(5):
            vids += [w.shopper('r%d-%d@sink.example' % (i, k))
                     for k in range(4)]
            wait_for(lambda: w.sink.mails, 10, 'a mail')
            w.redis_kill()
            time.sleep(0.1)
            w.redis_start()
            w.beat()
        wait_for(w.all_terminal, 30, 'end')
        bad = [k for k, n in w.sink.copies.items() if n > 1]
        t.eq(bad, [], fsync + ': five kills of Redis, nothing twice')
        wrong = 0
        for jid, j in w.journeys().items():
            for n in (1, 2, 3):
                wrong += j.get('a%d' % n) == 'sent' and copies(w, jid, n) != 1
        t.eq(wrong, 0, fsync + ': each "sent" is one copy')
        t.ok('"restored"' not in w.log('w0') + w.log('w1'),
             fsync + ': an ordinary restart needs no operator')
        t.ok(len(w.sink.mails) >= 30, fsync + ': and goes on (%d mails)'
             % len(w.sink.mails))
        w.stop()


def lost(t):
    """Intents that Redis forgot are healed from the journal."""
    w = World('lost', quick())
    w.heart()
    p = w.worker()
    vid = w.shopper('lost@sink.example')
    w.state(vid, 'run|done')
    jid, j = w.state(vid, 'done')
    p.terminate()
    p.wait(10)
    # Redis as it was a second earlier: without the intent
    key = w.key('j:' + jid)
    w.call('HDEL', key, 'a1', 'a1.t', 'a1.ref', 'a1.n')
    w.call('HSET', key, 'st', 'run', 'plan', int(time.time() * 1000))
    w.call('ZADD', w.key('due'), 1, jid)
    w.call('DECR', w.key('hw'))
    w.call('HDEL', w.key('p:' + j['pid']), 'last', 'sends')
    w.redis_kill()
    w.redis_start()
    w.beat()
    w.worker()
    jid, j = w.state(vid, 'done')
    t.eq((j['a1'], copies(w, jid)), ('unknown', 1),
         'a forgotten intent becomes unknown; no second copy')
    t.eq(w.call('HGET', w.key('ctl'), 'pause'), None, 'without an operator')
    w.stop()
    # the control: without its journal the worker knows nothing of it
    w = World('lost', quick())
    w.heart()
    p = w.worker('one')
    vid = w.shopper('lost@sink.example')
    jid, j = w.state(vid, 'done')
    p.terminate()
    p.wait(10)
    key = w.key('j:' + jid)
    w.call('HDEL', key, 'a1', 'a1.t', 'a1.ref', 'a1.n')
    w.call('HSET', key, 'st', 'run', 'plan', int(time.time() * 1000))
    w.call('ZADD', w.key('due'), 1, jid)
    w.call('HDEL', w.key('p:' + j['pid']), 'last', 'sends')
    shutil.rmtree(w.dir + '/state-one')
    w.worker('one')
    w.state(vid, 'done')
    t.eq(copies(w, jid), 2, 'control: without the journal it is sent twice')
    w.stop()


def backup(t):
    """An older Redis is refused until an operator says so."""
    w = World('backup', base_policy(), fsync='always')
    w.heart()
    p = w.worker(heal_ms=500)
    early = w.shopper('early@sink.example')
    w.field(early, 'a1', 'sent')
    w.redis_kill()
    shutil.copytree(w.dir + '/appendonlydir', w.dir + '/old')
    w.redis_start()
    w.beat()
    w.state(early, 'done', 15)
    # orders and opt-outs of this time are what a backup does not know
    before = dict(w.sink.copies)
    time.sleep(1.5)
    w.redis_kill()
    shutil.rmtree(w.dir + '/appendonlydir')
    os.rename(w.dir + '/old', w.dir + '/appendonlydir')
    w.redis_start()
    w.beat()
    wait_for(lambda: '"restored"' in w.log(), 15, 'refusal')
    t.ok(w.call('HGET', w.key('ctl'), 'pause').startswith('restored'),
         'an older Redis: the site is paused')
    vid = w.shopper('after@sink.example')
    w.state(vid, 'run', 15)
    time.sleep(0.5)
    t.eq(w.sink.copies, before, 'nothing leaves')
    w.call('HDEL', w.key('ctl'), 'pause')       # cartrecover resume
    jid, j = w.state(vid, 'done', 15)
    t.eq(copies(w, jid), 1, 'resumed: goes on')
    t.eq(max(w.sink.copies.values()), 1, 'and nothing is sent twice')
    p.terminate()
    p.wait(10)
    # another Redis: the site is there, its epoch is not
    w.call('DEL', w.key('ctl'))
    w.worker(heal_ms=500)
    wait_for(lambda: (w.call('HGET', w.key('ctl'), 'pause') or '')
             .startswith('restored'), 10, 'refusal')
    t.ok(True, 'a Redis without our epoch is another one: paused')
    w.stop()


def missing(t):
    """After a restart of Redis the journals of all workers are wanted."""
    w = World('missing', quick())
    w.heart()
    procs = [w.worker('w%d' % i) for i in range(2)]
    vid = w.shopper('m@sink.example')
    w.state(vid, 'done')
    wait_for(lambda: sum(k.startswith('w:') for k in w.hash('ctl')) == 2, 10,
             'both workers')
    procs[1].kill()
    procs[1].wait()
    w.redis_kill()
    w.redis_start()
    w.beat()
    vid = w.shopper('n@sink.example')
    w.state(vid, 'run', 15)
    wait_for(lambda: 'journal_missing' in w.log('w0'), 10, 'the doubt')
    t.ok('a1' not in w.journey(vid)[1], 'one journal is missing: nothing '
         'leaves')
    w.worker('w1')
    jid, j = w.state(vid, 'done', 15)
    t.eq(copies(w, jid), 1, 'it is back: sent')
    w.stop()


def together(t):
    """Workers that begin at once agree on the epoch."""
    alarms = 0
    w = World('together', quick())
    w.heart()
    for turn in range(6):
        w.call('DEL', w.key('ctl'))
        for again in range(2):
            procs = [w.worker('w%d-%d' % (turn, i)) for i in range(3)]
            wait_for(lambda: sum(k.startswith('w:') for k in w.hash('ctl'))
                     == 3 and 'run' in w.hash('ctl'), 10, 'three workers')
            for p in procs:
                p.kill()
                p.wait()
            w.call('HDEL', w.key('ctl'), *[k for k in w.hash('ctl')
                                           if k.startswith('w:')])
        alarms += 'pause' in w.hash('ctl')
    t.eq(alarms, 0, 'six times three workers at once: no false alarm')
    w.stop()


def frozen(t):
    """Redis hangs: the loop goes on, the worker recovers by itself."""
    w = World('frozen', quick())
    w.heart()
    p = w.worker(redis_timeout='300ms', listen=health(w))
    vid = w.shopper('f@sink.example')
    w.state(vid, 'done')
    w.redis_proc.send_signal(signal.SIGSTOP)
    wait_for(lambda: not json.loads(get(w, '/healthz')[1])['redis'], 10,
             'loss')
    t.ok(True, '/healthz answers while Redis hangs')
    w.redis_proc.send_signal(signal.SIGCONT)
    vid = w.shopper('g@sink.example')
    jid, j = w.state(vid, 'done', 15)
    t.eq((p.poll(), copies(w, jid)), (None, 1), 'recovers without a restart')
    w.stop()


def memory(t):
    """Redis has no memory left: no event is set aside for that."""
    p = quick()
    p['abandon']['cart_after'] = p['abandon']['checkout_after'] = '1h'
    w = World('memory', p)
    worker = w.worker()
    vid = w.shopper('m@sink.example')
    w.state(vid, 'wait')
    worker.send_signal(signal.SIGSTOP)
    w.put('order', vid, {'id': '1', 'total': 1, 'cur': 'EUR'})
    w.call('CONFIG', 'SET', 'maxmemory', '1')
    worker.send_signal(signal.SIGCONT)

    def tried():
        x = w.call('XPENDING', w.key('in'), 'w', '-', '+', '10')
        return w.call('XLEN', w.key('in')) == 0 or (x and int(x[0][3]) >= 5)

    wait_for(tried, 30, 'tries')
    t.eq(w.call('XLEN', w.key('in')), 1, 'an order waits, however often tried')
    t.eq(w.journey(vid)[1]['st'], 'wait', 'and is not folded')
    w.call('CONFIG', 'SET', 'maxmemory', '0')
    t.eq(w.state(vid, 'purchased')[1]['st'], 'purchased',
         'it is folded once there is memory')
    t.eq(w.call('XLEN', w.key('dead')), 0, 'no dead letter')
    w.stop()


def drain(t):
    """SIGTERM: what is in flight ends, and its outcome is written."""
    w = World('drain', quick())
    w.heart()
    w.sink.delay = 0.4
    p = w.worker()
    vid = w.shopper('d@sink.example')
    w.field(vid, 'a1', 'sending')
    p.terminate()
    t.eq(p.wait(10), 0, 'ends with 0')
    jid, j = w.journey(vid)
    t.eq((j['a1'], copies(w, jid)), ('sent', 1), 'after the message in flight')
    w.stop()


def refusals(t):
    """What it refuses to start with, each with one line."""
    w = World('refuse', quick())

    def run(**keys):
        conf = w.config('refuse', **keys)
        try:
            r = subprocess.run([BUILD + '/cartrecoverd', '-c', conf],
                               capture_output=True, text=True, timeout=5)
        except subprocess.TimeoutExpired:
            return 'it runs'
        return (r.returncode, r.stderr.count('\n'), r.stderr)

    for name, keys, say in (
        ('a secret that others read', dict(secret=w.write(
            'open', 'x' * 40, 0o644)), 'chmod 600'),
        ('a short secret', dict(secret=w.write('short', 'x', 0o600)),
         'shorter'),
        ('a password without TLS', dict(smtp_user_file=w.write(
            'user', 'a:b', 0o600)), 'smtp_tls'),
        ('an unknown key', dict(nonsense='1'), 'unknown key'),
        ('no state directory', dict(state='/nonexistent'), 'state'),
        ('a lease too short', dict(lease_ms='1000'), 'send_timeout_ms'),
    ):
        r = run(**keys)
        t.ok(r[0] == 1 and r[1] == 1 and say in r[2], '%s: one line (%s)'
             % (name, r[2].strip() if len(r) > 2 else r))
    w.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    r = run()
    t.ok(r[0] == 1 and 'noeviction' in r[2], 'a Redis that may evict')
    w.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    p = w.worker('one')
    wait_for(lambda: 'policy' in w.log('one'), 10, 'start')
    shutil.copy(w.dir + '/one.conf', w.dir + '/refuse.conf')
    r = subprocess.run([BUILD + '/cartrecoverd', '-c', w.dir + '/one.conf'],
                       capture_output=True, text=True, timeout=5)
    t.ok(r.returncode == 1 and 'belongs to' in r.stderr,
         'a second worker on the same state')
    p.send_signal(signal.SIGHUP)
    wait_for(lambda: '"reload"' in w.log('one'), 5, 'reload')
    vid = w.shopper('hup@sink.example')
    w.heart()
    t.eq(w.state(vid, 'done')[1]['a1'], 'sent', 'SIGHUP: reads, goes on')
    w.stop()


def policies(t):
    """A policy that is wrong or incomplete sends nothing, and says so once."""
    p = quick()
    del p['shop']['sender']
    w = World('policies', p)
    w.heart()
    w.worker()
    vid = w.shopper('p@sink.example')
    wait_for(lambda: 'policy_refused' in w.log(), 10, 'refusal')
    wait_for(lambda: w.journey(vid)[1].get('st') == 'wait', 10, 'ingest')
    time.sleep(0.6)
    t.eq(w.log().count('policy_refused'), 1, 'without a sender: told once')
    t.eq(len(w.sink.mails), 0, 'nothing leaves')
    w.policy = quick()
    w.publish()
    t.eq(w.state(vid, 'done')[1]['a1'], 'sent', 'mended: sent')
    w.stop()


def told(t):
    """/healthz and /metrics."""
    w = World('told', quick())
    w.heart()
    w.worker(listen=health(w))
    vid = w.shopper('h@sink.example')
    w.state(vid, 'done')
    code, body = get(w, '/healthz')
    h = json.loads(body)
    t.ok(code == 200 and h['ok'] and h['poll_age_ms'] < 2000, 'healthy')
    t.eq((metric(w, 'sent_total'), metric(w, 'intents_total')), (1, 1),
         'counts what it sent')
    t.eq(get(w, '/nonsense')[0], 404, 'nothing else')
    t.eq(metric(w, 'site_open{site="faults"}'), 1, 'the gate is open')
    for line in w.log().splitlines():
        json.loads(line)
    t.ok(True, 'each line of the log is JSON')
    w.stop()


SCENES = [gate, settle, restart, lost, backup, missing, together, frozen,
          memory, drain,
          refusals, policies, told]
