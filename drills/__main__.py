"""``python -m drills``: load a stack of its own, kill its processes, check what was promised.

``python -m drills fuzz`` sends it what a generator makes of the contracts instead, ``mixed`` a
little of everything that a registry is asked for, while it watches the memory, ``withdrawal``
measures how soon a withdrawn consent opens nothing any more.
"""

import argparse
import asyncio
import sys

from drills import kills, mixed, promises, report, withdrawal
from drills.house import House, StackError, started
from drills.load import Load
from drills.post import Post

_QUICK = 15.0


async def drill(
    house: House, rate: float, seconds: float, order: tuple[str, ...]
) -> tuple[Load, list[kills.Kill], list[promises.Promise]]:
    """Run the load with its kills on a running stack, then check every promise."""
    load = Load(house.gateway, rate, seconds)
    await load.open()
    post = Post(house.mailbox, load)
    running = asyncio.create_task(load.run())
    await asyncio.sleep(0)  # the load's clock starts
    collecting = asyncio.create_task(post.collect())
    try:
        done = await kills.run(house, load, order)
        await running
        found = await promises.check(promises.Run(house, load, post, done))
    finally:
        running.cancel()
        collecting.cancel()
        await asyncio.gather(running, collecting, return_exceptions=True)
        await load.close()
    return load, done, found


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 1 when a promise was broken."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["fuzz"]:
        from drills import fuzz  # noqa: PLC0415  the generator takes seconds to import

        return fuzz.main(words[1:])
    if words[:1] == ["mixed"]:
        return mixed.main(words[1:])
    if words[:1] == ["withdrawal"]:
        return withdrawal.main(words[1:])
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("--seconds", type=float, default=75.0, help="how long the load lasts")
    parser.add_argument("--rate", type=float, default=200.0, help="requests due each second")
    parser.add_argument("--quick", action="store_true", help="15 s, and PostgreSQL killed only")
    given = parser.parse_args(words)
    order = (kills.POSTGRES,) if given.quick else kills.ALL
    seconds = _QUICK if given.quick else given.seconds
    try:
        with started() as house:
            report.console.print(f"A stack serves at {house.gateway}; {seconds:g} s of load begin.")
            found = asyncio.run(drill(house, given.rate, seconds, order))
            report.tell(*found)
            report.complaints(house.complaints())
    except (StackError, kills.NothingToKillError) as error:
        report.console.print(str(error))
        return 1
    return 0 if all(each.held for each in found[2]) else 1


if __name__ == "__main__":
    sys.exit(main())
