"""A private Redis, an SMTP sink and workers: what the fault tests share.

Nginx is played by this program: it writes the site, its policy and the
heartbeat as the module does, and calls the module's scripts.
"""

import atexit
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from sink import Sink

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get('CR_BUILD', 'build'))
SITE = 'faults'
DAY = 86400000


class RedisError(Exception):
    pass


class Redis:
    """RESP over a unix socket; connects again when the server was restarted."""

    def __init__(self, path):
        self.path = path
        self.sock = None
        self.lock = threading.Lock()

    def call(self, *args):
        with self.lock:
            try:
                return self.once(args)
            except (OSError, EOFError):
                self.sock = None
                raise

    def once(self, args):
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(self.path)
            self.file = self.sock.makefile('rb')
        parts = [b'*%d\r\n' % len(args)]
        for a in args:
            a = a if isinstance(a, bytes) else str(a).encode()
            parts.append(b'$%d\r\n%s\r\n' % (len(a), a))
        self.sock.sendall(b''.join(parts))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise RedisError(rest.decode())
        if kind == b':':
            return int(rest)
        if kind == b'$':
            n = int(rest)
            if n < 0:
                return None
            data = self.file.read(n + 2)
            return data[:-2].decode('utf-8', 'replace')
        return [self.reply() for _ in range(int(rest))] if rest != b'-1' \
            else None


def wait_for(check, seconds, what='condition', step=0.02):
    end = time.time() + seconds
    while True:
        got = check()
        if got:
            return got
        if time.time() > end:
            raise TimeoutError('no %s after %g s' % (what, seconds))
        time.sleep(step)


def script(name):
    text = b''
    for part in ('common', name):
        with open(os.path.join(ROOT, 'lib/lua', part + '.lua'), 'rb') as f:
            text += f.read()
    return text


def base_policy():
    return {
        'version': 1,
        'shop': {
            'id': SITE, 'name': 'Fault Shop', 'url': 'https://shop.example',
            'currency': 'EUR', 'tz': 'Europe/Berlin',
            'locales': ['en', 'de'], 'default': 'en',
            'sender': {
                'from': 'Fault Shop <shop@shop.example>',
                'reply_to': 'help@shop.example',
                'address': 'Fault Shop, Street 1, 10115 Berlin, Germany',
                'privacy': 'https://shop.example/privacy',
            },
        },
        'mode': 'on',
        'abandon': {'cart_after': '50ms', 'checkout_after': '50ms',
                    'payment_after': '50ms', 'min_value': 0},
        'sequence': [
            {'after': '1ms', 'channel': ['email'], 'purpose': 'remind'},
            {'after': '200ms', 'channel': ['email'], 'purpose': 'proof'},
            {'after': '400ms', 'channel': ['email'], 'purpose': 'objection'},
        ],
        'caps': {'min_gap': '100ms', 'max_late': '1h',
                 'messages_per_7d': 10, 'quiet': False},
        'consent': {'mode': 'opt-in', 'gpc': 'no-marketing'},
        'holdout': {'pct': 0, 'adaptive': False, 'epoch': 1},
        'gate': {'settle': '0ms'},
    }


def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


class World:
    def __init__(self, name='w', policy=None, fsync='everysec', sink=None):
        self.dir = tempfile.mkdtemp(prefix='crf-' + name + '-')
        self.sockpath = os.path.join(self.dir, 'r.sock')
        self.fsync = fsync
        self.policy = policy or base_policy()
        self.sink = sink or Sink()
        self.workers = []
        self.beating = threading.Event()
        self.hb = {'mode': 'on', 'spool': 0, 'owed': 0, 'seen': 1,
                   'orders': 0, 'boot': 1, 'ver': 'test'}
        self.seq = 0
        self.sha = {}
        self.redis_proc = None
        self.ended = False
        atexit.register(self.stop)
        signal.signal(signal.SIGTERM, leave)
        self.secret = self.write('secret', 'fault test secret ' * 4, 0o600)
        self.sealer = self.compile_sealer()
        self.redis = Redis(self.sockpath)
        self.redis_start()
        self.publish()

    # -- files and programs --------------------------------------------------

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def compile_sealer(self):
        out = os.path.join(self.dir, 'seal')
        subprocess.run(
            ['cc', '-std=c11', '-O1', '-I' + ROOT + '/lib',
             '-I' + ROOT + '/tools/cartrecoverd', '-o', out,
             ROOT + '/t/faults/seal.c',
             ROOT + '/tools/cartrecoverd/config.c',
             BUILD + '/libcartrecover.a', '-ljansson', '-lpcre2-8', '-lz',
             '-lcrypto', '-lm'], check=True)
        return out

    def seal(self, addresses, site=SITE):
        out = subprocess.run([self.sealer, self.secret, site], check=True,
                             input='\n'.join(addresses) + '\n',
                             capture_output=True, text=True).stdout
        return [line.split() for line in out.splitlines()]

    def token(self, kind, token, site=SITE):
        r = subprocess.run([self.sealer, self.secret, site, kind, token],
                           capture_output=True, text=True)
        return r.stdout.strip() if r.returncode == 0 else None

    def config(self, name='worker', **more):
        state = os.path.join(self.dir, 'state-' + name)
        os.makedirs(state, exist_ok=True)
        keys = {
            'redis': 'unix:' + self.sockpath, 'secret': self.secret,
            'smtp_url': 'smtp://127.0.0.1:%d' % self.sink.port,
            'smtp_tls': 'off', 'smtp_hello': 'worker.example',
            'templates': ROOT + '/conf/templates', 'state': state,
            'poll_ms': 20, 'refresh_ms': 200, 'lease_ms': 2000,
            'send_timeout_ms': 1000, 'defer_ms': 200, 'max_sends': 4,
            'retry': '100ms 200ms 400ms 800ms',
        }
        keys.update(more)
        text = ''.join('%s = %s\n' % kv for kv in keys.items())
        return self.write(name + '.conf', text, 0o600)

    def worker(self, name='worker', kill=None, seed=None, **more):
        """Starts one worker; with `kill` the build that kills itself."""
        env = dict(os.environ)
        env.pop('NOTIFY_SOCKET', None)
        if kill:
            env.update(CR_KILL=kill, CR_KILL_SEED=str(seed or 1),
                       CR_KILL_LOG=os.path.join(self.dir, 'kills'))
        path = os.environ.get('CR_WORKER_KILL' if kill else 'CR_WORKER',
                              BUILD + '/cartrecoverd'
                              + ('-kill' if kill else ''))
        conf = self.config(name, **more)
        with open(os.path.join(self.dir, name + '.log'), 'ab') as log:
            p = subprocess.Popen([path, '-c', conf], env=env, stderr=log)
        self.workers.append(p)
        return p

    def log(self, name='worker'):
        with open(os.path.join(self.dir, name + '.log')) as f:
            return f.read()

    # -- Redis ---------------------------------------------------------------

    def redis_start(self):
        log = os.path.join(self.dir, 'redis.log')
        self.redis_proc = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.sockpath,
             '--unixsocketperm', '700', '--appendonly', 'yes',
             '--appendfsync', self.fsync, '--save', '', '--dir', self.dir,
             '--logfile', log])
        wait_for(self.alive, 20, 'Redis')

    def alive(self):
        try:
            return self.redis.call('PING') == 'PONG'
        except (OSError, EOFError, RedisError):
            return False

    def redis_kill(self):
        self.redis_proc.send_signal(signal.SIGKILL)
        self.redis_proc.wait()

    def key(self, rest, site=SITE):
        return 'cr:{%s}:%s' % (site, rest)

    def call(self, *args):
        return self.redis.call(*args)

    def run(self, name, *args, site=SITE):
        """One of the product's scripts."""
        if name not in self.sha:
            self.sha[name] = script(name)
        sha = hashlib.sha1(self.sha[name]).hexdigest()
        try:
            return self.call('EVALSHA', sha, 1, self.key('in', site), *args)
        except RedisError as e:
            if not str(e).startswith('NOSCRIPT'):
                raise
            return self.call('EVAL', self.sha[name], 1, self.key('in', site),
                             *args)

    def hash(self, key):
        flat = self.call('HGETALL', self.key(key)) or []
        return dict(zip(flat[::2], flat[1::2]))

    # -- what nginx does -----------------------------------------------------

    def publish(self):
        text = json.dumps(self.policy)
        self.call('SADD', 'cr:sites', SITE)
        self.call('HSET', self.key('policy'), 'json', text, 'ver',
                  hashlib.sha1(text.encode()).hexdigest(), 'node', 'n1',
                  'at', int(time.time() * 1000))
        self.call('HSETNX', self.key('nodes'), 'n1', int(time.time() * 1000))
        self.beat()

    def beat(self):
        self.hb['at'] = int(time.time() * 1000)
        self.call('SET', self.key('hb:n1'), json.dumps(self.hb), 'EX', 30)

    def heart(self):
        """Beats each second until the world ends."""
        def loop():
            while not self.beating.wait(1.0):
                try:
                    self.beat()
                except (OSError, EOFError, RedisError):
                    pass
        threading.Thread(target=loop, daemon=True).start()

    def put(self, kind, vid, data, seq=None, e=None, raw=None):
        self.seq += 1
        seq = seq or '1000-%d' % self.seq
        e = e if e is not None else '1000.%s.%s.%d' % (vid, kind, self.seq)
        return self.run('put', 100000, kind, vid, 'n1', seq, e,
                        raw if raw is not None else json.dumps(data))

    def cart(self, vid, total=2990, items=None, seq=None, e=None, **more):
        items = items if items is not None else [
            {'r': 'MUG-BLU', 'q': 2, 'p': 1495, 'name': 'Blue mug'}]
        d = {'ver': 1, 'cur': 'EUR', 'total': total,
             'n': sum(i['q'] for i in items), 'items': items,
             'stage': 'cart', 'arm': 'treat', 'ep': 1, 'loc': 'en'}
        d.update(more)
        return self.put('cart', vid, d, seq, e)

    def contact(self, vid, sealed, look, yes=1, seq=None, e=None, **more):
        d = {'ver': 1, 'em': sealed, 'emh': look, 'cons': {'email': yes},
             'src': 'checkout', 'cc': 'DE', 'arm': 'treat', 'ep': 1,
             'loc': 'en'}
        d.update(more)
        return self.put('contact', vid, d, seq, e)

    def shopper(self, address, **more):
        """A visitor with a cart and an address; the id."""
        vid = hashlib.md5(os.urandom(16)).hexdigest()
        sealed, look = self.seal([address])[0]
        self.cart(vid, **more)
        self.contact(vid, sealed, look, yes=more.get('yes', 1),
                     arm=more.get('arm', 'treat'))
        return vid

    def journey(self, vid):
        jid = self.call('HGET', self.key('v:' + vid), 'jid')
        return (jid, self.hash('j:' + jid)) if jid else (None, {})

    def state(self, vid, want, seconds=10):
        """Waits until the visitor's journey is in one of the states."""
        want = want.split('|')
        box = {}

        def check():
            box['j'] = self.journey(vid)
            return box['j'][1].get('st') in want
        try:
            wait_for(check, seconds, 'state ' + '|'.join(want))
        except TimeoutError:
            raise TimeoutError('state %s is not %s: %r' % (
                box['j'][1].get('st'), want, box['j'])) from None
        return box['j']

    def field(self, vid, name, want=None, seconds=10):
        """Waits until a field of the visitor's journey is there."""
        def check():
            got = self.journey(vid)[1].get(name)
            return got if got and (want is None or got == want) else None
        try:
            return wait_for(check, seconds, name)
        except TimeoutError:
            raise TimeoutError('%s is not %s: %r' % (
                name, want, self.journey(vid))) from None

    def all_terminal(self):
        due = self.call('ZCARD', self.key('due'))
        lease = self.call('ZCARD', self.key('lease'))
        log = self.call('XLEN', self.key('in'))
        return due + lease + log == 0

    def journeys(self):
        cur, out = '0', {}
        while True:
            cur, keys = self.call('SCAN', cur, 'MATCH', self.key('j:*'),
                                  'COUNT', 1000)
            for k in keys:
                jid = k.split(':j:')[1]
                out[jid] = self.hash('j:' + jid)
            if cur == '0':
                return out

    def stop(self, keep=False):
        if self.ended:
            return
        self.ended = True
        self.beating.set()
        for p in self.workers:
            if p.poll() is None:
                p.kill()
            p.wait()
        if self.redis_proc:
            self.redis_proc.kill()
            self.redis_proc.wait()
        self.sink.stop()
        if keep or os.environ.get('CR_KEEP'):
            print('# kept', self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def seeded():
    seed = int(os.environ.get('CR_SEED', random.randrange(1 << 30)))
    return seed, random.Random(seed)
