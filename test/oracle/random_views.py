"""Random views against batch.  See README.md.

    random_views.py DSN [--seed N] [--views N] [--seconds N] [--least N] [--datadir DIR --log FILE] [--kill] [--out DIR]

Cases begin at the seed; each further case has the next number.  Prints "ok" or "not ok" lines, and a report.  Stops after so
many views compared or so many seconds, whichever is first; fewer than --least views are a failure.
"""
import argparse
import os
import random
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, f"{here}/../lib"]
from case import Case
from runner import Counts, Failure, Runner
from server import Server
from shrink import Shrinker, script


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("dsn")
    p.add_argument("--seed", default="")
    p.add_argument("--views", type=int, default=10**9)
    p.add_argument("--seconds", type=float, default=10**9)
    p.add_argument("--least", type=int, default=1)
    p.add_argument("--datadir", default="")
    p.add_argument("--log", default="")
    p.add_argument("--kill", action="store_true", help="every fourth case with restarts and kills")
    p.add_argument("--out", default="", help="directory for scripts of failures")
    p.add_argument("--shrink", type=float, default=90, help="seconds to shrink a failure")
    p.add_argument("--failures", type=int, default=1, help="stop after so many")
    return p.parse_args()


def report(counts):
    print(f"{counts.compared} views compared, {counts.combined} by combine too, {counts.shown} rows shown, {counts.rows} rows inserted,"
          f" {counts.dead} dead letters, {counts.kills} kills")
    for title, counter in (("refused", counts.refused), ("fail when read, as in batch", counts.fails),
                           ("not valid in batch", counts.invalid)):
        for message, n in counter.most_common(40):
            print(f"{title}: {n} {message}")


def failed(server, case, failure, runner, args):
    print(f"not ok seed {case.seed}: {failure}", flush=True)
    shrinker = Shrinker(server, case, failure, args.shrink)
    if shrinker.run():
        runner, failure = shrinker.runner, shrinker.failure
    else:
        print("It did not fail again: this is the first run.")
    server.alarms(False)            # those of the runs since are known
    text = script(runner, failure, case.seed)
    if args.out:
        os.makedirs(args.out, exist_ok=True)
        name = f"{args.out}/seed{case.seed}.sql"
        with open(name, "w") as f:
            f.write(text)
        print(f"Written to {name} after {shrinker.tries} tries:")
    print(text if len(text) < 20000 else text[:20000] + "\n...", flush=True)


def main():
    args = arguments()
    seed = int(args.seed or random.randrange(10**9))
    print(f"seed {seed}", flush=True)
    server = Server(args.dsn, args.datadir, args.log)
    counts = Counts()
    started = time.monotonic()
    failures, cases = 0, 0
    while counts.compared < args.views and time.monotonic() - started < args.seconds and failures < args.failures:
        case = Case(seed + cases, harsh=args.kill and (seed + cases) % 4 == 3)
        cases += 1
        runner = Runner(server, case, counts)
        try:
            runner.run()
        except Failure as f:
            failures += 1
            failed(server, case, f, runner, args)
    report(counts)
    if counts.compared < args.least and not failures:
        print(f"not ok only {counts.compared} views compared, not {args.least}")
    invalid = sum(counts.invalid.values())
    if invalid > counts.compared / 10 and not failures:
        print(f"not ok {invalid} queries were not valid in batch: the grammar is wrong")
    if not failures:
        print(f"ok {cases} random cases in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
