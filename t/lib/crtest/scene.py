"""One shop, one nginx, perhaps one Redis, and a load: what the three load
tests share."""

import asyncio
import time

from . import load, procs, shop, tap

RATE = 420          # steps a second, so that over 200 are cart events


class Scene:
    def __init__(self, run, fsync="everysec", redis=True, rate=RATE,
                 window=300, population=None):
        self.run, self.shop = run, shop.Shop()
        self.redis = procs.Redis(run, fsync) if redis else None
        self.rate, self.window, self.population = rate, window, population

    async def __aenter__(self):
        origin = await self.shop.start()
        if self.redis:
            self.redis.start()
        self.nginx = procs.Nginx(self.run, origin, self.redis)
        self.nginx.start()
        self.load = load.Load(self.nginx.port, self.rate, window=self.window,
                              population=self.population)
        self.task = asyncio.ensure_future(self.load.run())
        return self

    async def __aexit__(self, *failure):
        self.load.stop()
        await self.task
        self.nginx.stop()
        if self.redis:
            self.redis.stop()
        self.shop.stop()

    async def until(self, test, seconds, what):
        """Polls beside the load."""
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                raise TimeoutError("%s did not come in %g s" % (what, seconds))
            await asyncio.sleep(0.05)

    async def finish_load(self):
        self.load.stop()
        await self.task

    def losses(self):
        return load.losses(self.load.shoppers, self.shop.carts,
                           load.stream(self.redis))

    async def settle(self, seconds=60):
        """The losses once there are none, or those left at the deadline;
        and how long it took."""
        began = time.monotonic()
        while True:
            lost = self.losses()
            took = time.monotonic() - began
            if not lost or took > seconds:
                return lost, took
            await asyncio.sleep(0.25)


async def in_thread(function, *args):
    """Runs what blocks while the shop and the load go on."""
    return await asyncio.get_running_loop().run_in_executor(None, function,
                                                            *args)


def report(scene, took):
    sc, carts = scene, scene.shop.carts.values()
    tap.diag("%d shoppers, %d cart events (%.0f a second), %d contacts, "
             "%d orders; stream complete after %.1f s"
             % (len(sc.load.shoppers), sc.load.cart_events,
                sc.load.cart_events / sc.load.seconds,
                sum(1 for c in carts if c.email), sc.shop.order_number, took))


def size(scene, carts=2000, rate=200):
    """The load was as large as the test promises."""
    sc = scene
    tap.ok(len(sc.shop.carts) >= carts, "at least %d carts (%d)"
           % (carts, len(sc.shop.carts)))
    got = sc.load.cart_events / sc.load.seconds
    tap.ok(got >= rate, "at least %d cart events a second (%.0f)"
           % (rate, got))


def lossless(lost):
    tap.ok(not lost, "every cart, contact and order that the shop accepted "
           "is in the stream (%d lost)" % len(lost))
    for line in lost[:8]:
        tap.diag(line)


def control_dropped(scene):
    """The same check must find three entries that are taken away."""
    entries = load.stream(scene.redis)
    newest = {}
    for i, (_, e) in enumerate(entries):
        if e["t"] in ("contact", "order", "cart"):
            newest[e["t"], e["v"], e["d"].get("id")] = i
    sure = {s.visitor for s in scene.load.shoppers if not s.unsure}
    ordered = {e["v"] for _, e in entries if e["t"] == "order"}
    drop, want = set(), []
    for kind in ("cart", "contact", "order"):
        for (t, v, _), i in newest.items():
            if t == kind and v in sure and (kind == "order"
                                            or v not in ordered):
                same = {j for j, (_, e) in enumerate(entries)
                        if e["v"] == v and e["t"] == kind
                        and e["d"].get("id") == entries[i][1]["d"].get("id")}
                drop |= {j for j, (_, e) in enumerate(entries)
                         if e["v"] == v and e["t"] == "cart"} \
                    if kind == "cart" else same
                want.append(kind)
                ordered.add(v)
                break
    kept = [e for i, e in enumerate(entries) if i not in drop]
    found = load.losses(scene.load.shoppers, scene.shop.carts, kept)
    kinds = sorted(line.split()[0] for line in found)
    tap.ok(len(want) == 3 and kinds == sorted(want),
           "control: a cart, a contact and an order that are taken out of "
           "the stream are reported (%s)" % ", ".join(kinds[:9]))


async def control_without_redis(run):
    """nginx without cartrecover_redis: the check must find all lost."""
    async with Scene(run, redis=False, rate=200, window=60) as sc:
        await sc.until(lambda: sc.shop.order_number >= 5, 30, "five orders")
        await sc.finish_load()
        lost = load.losses(sc.load.shoppers, sc.shop.carts, [])
        carts = len(sc.shop.carts)
        want = carts + sc.shop.order_number \
            + sum(1 for c in sc.shop.carts.values() if c.email)
        tap.ok(not sc.load.failures, "control: a shop without Redis works")
        tap.ok(len(lost) == want, "control: without cartrecover_redis all is "
               "reported lost (%d of %d)" % (len(lost), want))
