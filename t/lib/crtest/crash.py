"""nginx workers are killed under load: only what was in flight may suffer."""

import asyncio
import os
import random
import signal
import time

from . import procs, scene, tap

KILLS = 40 if os.environ.get("CR_LONG") else 8


async def kills(sc):
    """Kills workers at random times; the moments of it."""
    rnd, moments = random.Random(11), []
    for _ in range(KILLS):
        await asyncio.sleep(rnd.uniform(0.3, 0.9))
        victim = rnd.choice(procs.workers(sc.nginx.master))
        moments.append(time.monotonic())
        os.kill(victim, signal.SIGKILL)
        await sc.until(lambda: victim not in procs.workers(sc.nginx.master)
                       and len(procs.workers(sc.nginx.master))
                       == sc.nginx.number, 10, "a new worker")
    return moments


async def main():
    with procs.RunDir() as run:
        async with scene.Scene(run.path) as sc:
            await sc.until(lambda: sc.load.cart_events >= 400, 30, "the load")
            moments = await kills(sc)
            await sc.until(lambda: len(sc.shop.carts) >= 2100, 60,
                           "2,100 shoppers")
            await sc.finish_load()
            lost, took = await sc.settle()
            scene.report(sc, took)
            stray = [f for f in sc.load.failures if not any(
                f.began - 0.01 <= m <= f.ended + 0.01 for m in moments)]
            tap.diag("%d workers killed, %d requests cut off"
                     % (len(moments), len(sc.load.failures)))
            tap.ok(not stray, "no error but on connections of a killed "
                   "worker (%d others)" % len(stray))
            for failure in stray[:5]:
                tap.diag(failure.what)
            scene.size(sc)
            scene.lossless(lost)
            scene.control_dropped(sc)
        bad = sc.nginx.complaints(
            r"exited on signal 9|was locked by \d+")
        tap.ok(not bad, "nothing else in nginx's log")
        tap.diag("\n".join(bad[:5]))
    tap.done()


if __name__ == "__main__":
    tap.need_module()
    asyncio.run(main())
