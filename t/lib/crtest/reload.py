"""Twenty reloads under load: no error, no loss, no growth."""

import asyncio
import os

from . import procs, scene, tap

RELOADS = 100 if os.environ.get("CR_SOAK") else 20
WARM = 4            # the first ones settle the master's heap
PEOPLE = 2100       # as many sessions at the first measurement as at the last


def sizes(nginx):
    """Memory of the master and of workers that served nothing yet."""
    pids = [nginx.master, *procs.workers(nginx.master)]
    each = [procs.memory(p) for p in pids]
    return {key: sum(m[key] for m in each) for key in ("rss", "anon", "fds")}


async def fresh_sizes(sc):
    """The same with the load held, so that each time the same is measured:
    the lesser of two reloads, for a heap's end moves by some pages from one to
    the next, while what leaks is in each of them."""
    paused, sc.load.rate = sc.load.rate, 0
    while sc.load.tasks:
        await asyncio.wait(sc.load.tasks)
    each = []
    for _ in range(2):
        await scene.in_thread(sc.nginx.reload)
        each.append(await settled(sc.nginx))
    sc.load.rate = paused
    return {key: min(e[key] for e in each) for key in each[0]}


async def settled(nginx):
    """Sizes that did not move for half a second."""
    last, same = sizes(nginx), 0
    while same < 10:
        await asyncio.sleep(0.05)
        now = sizes(nginx)
        same = same + 1 if now == last else 0
        last = now
    return last


def growth(first, last, key):
    return (last[key] - first[key]) / first[key]


async def reloads(sc):
    first = None
    for number in range(1, RELOADS + 1):
        before = sc.load.cart_events
        if number in (WARM, RELOADS):
            got = await fresh_sizes(sc)
            first = first or got
        else:
            await scene.in_thread(sc.nginx.reload)
        await sc.until(lambda: sc.load.cart_events >= before + 60, 20,
                       "load between reloads")
    return first, got


async def control_growth(run):
    """A configuration that grows with each reload must be seen to grow."""
    os.mkdir(run)
    async with scene.Scene(run, redis=False, rate=60, window=20) as sc:
        await sc.until(lambda: sc.load.cart_events >= 20, 20, "a little load")
        await scene.in_thread(sc.nginx.reload)
        first = await fresh_sizes(sc)
        for number in range(1, 4):
            sc.nginx.write("".join(
                "    map $uri $v%d_%d { default %s; }\n" % (number, i, "x" * 99)
                for i in range(number * 150)))
            await scene.in_thread(sc.nginx.reload)
        last = await fresh_sizes(sc)
        tap.ok(growth(first, last, "rss") > 0.01, "control: a configuration "
               "that grows is seen to grow (%.1f %%)"
               % (growth(first, last, "rss") * 100))


async def main():
    with procs.RunDir() as run:
        async with scene.Scene(run.path, population=PEOPLE) as sc:
            await sc.until(lambda: len(sc.load.shoppers) >= PEOPLE, 60,
                           "the shoppers")
            first, last = await reloads(sc)
            await sc.finish_load()
            lost, took = await sc.settle()
            scene.report(sc, took)
            tap.ok(not sc.load.failures, "no HTTP error over %d reloads (%d)"
                   % (RELOADS, len(sc.load.failures)))
            for failure in sc.load.failures[:5]:
                tap.diag(failure.what)
            scene.size(sc)
            scene.lossless(lost)
            scene.control_dropped(sc)
            tap.diag("master and workers: %s after %d reloads, %s after %d"
                     % (first, WARM, last, RELOADS))
            tap.ok(growth(first, last, "rss") < 0.01, "RSS grows by less "
                   "than 1 %% (%.2f %%)" % (growth(first, last, "rss") * 100))
            tap.ok(growth(first, last, "anon") < 0.02, "and without the zone's "
                   "pages by less than 2 %% (%.2f %%)"
                   % (growth(first, last, "anon") * 100))
            tap.ok(last["fds"] <= first["fds"], "no descriptor more (%d, %d)"
                   % (first["fds"], last["fds"]))
        bad = sc.nginx.complaints()
        tap.ok(not bad, "nothing in nginx's log that should not be there")
        tap.diag("\n".join(bad[:5]))
        await control_growth(run.path + "/control")
    tap.done()


if __name__ == "__main__":
    tap.need_module()
    asyncio.run(main())
