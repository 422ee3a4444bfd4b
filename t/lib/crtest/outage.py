"""Redis is killed under load and comes back: nothing may be lost."""

import asyncio
import os
import time

from . import procs, scene, tap

DOWN = 10


async def outage(fsync):
    with procs.RunDir() as run:
        async with scene.Scene(run.path, fsync) as sc:
            began = time.monotonic()
            await sc.until(lambda: sc.load.cart_events >= 600, 30, "the load")
            tap.ok(sc.redis.call("XLEN", "cr:{test}:in") > 0,
                   "%s: events arrive before the outage" % fsync)
            killed = time.monotonic()
            sc.redis.kill()
            await asyncio.sleep(DOWN)
            back = time.monotonic()
            await scene.in_thread(sc.redis.start)
            await sc.until(lambda: len(sc.shop.carts) >= 2100
                           and time.monotonic() - back > 3, 60,
                           "2,100 shoppers")
            await sc.finish_load()
            lost, took = await sc.settle()
            tap.diag("appendfsync %s" % fsync)
            scene.report(sc, took)
            tap.diag("p99 %.1f ms before, %.1f ms during the outage; %.0f "
                     "steps a second during it" % (
                         sc.load.p99(began, killed) * 1000,
                         sc.load.p99(killed, back) * 1000,
                         sc.load.rate_between(killed, back)))
            tap.ok(sc.load.rate_between(killed, back) > 200,
                   "%s: the load went on during the outage" % fsync)
            tap.ok(not sc.load.failures, "%s: no HTTP error (%d)"
                   % (fsync, len(sc.load.failures)))
            for failure in sc.load.failures[:5]:
                tap.diag(failure.what)
            scene.size(sc)
            scene.lossless(lost)
            scene.control_dropped(sc)
        bad = sc.nginx.complaints()
        tap.ok(not bad, "%s: nothing in nginx's log that should not be there"
               % fsync)
        tap.diag("\n".join(bad[:5]))


async def main():
    for fsync in os.environ.get("CR_FSYNC", "everysec always").split():
        await outage(fsync)
    with procs.RunDir() as run:
        await scene.control_without_redis(run.path)
    tap.done()


if __name__ == "__main__":
    tap.need_module()
    asyncio.run(main())
