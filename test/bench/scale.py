"""How Weir's cost grows: with groups, views, clients, the size of a matrel, workers (see bench.py).

Each point beside its baseline in the same run, measured once, and checked.  DIR/doc gets scale.csv and the plots.
"""
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

from bench import BID, GROUPED, TEN_VIEWS, Bids, main
from curves import COURSE, CURVES, Points
from plot import draw

GROUPS = [10**3, 10**4, 10**5, 10**6, 10**7]
VIEWS = [1, 10, 100]
CLIENTS = [1, 2, 4, 8, 16, 32, 64]
WORKERS = [1, 2]
PARTITIONS = 4
HOT_PART = 100                  # one group of so many is hot
HOT_TRANSACTIONS = 20
COUNT = "SELECT count(*) FROM {bid}"


class Scale(Points):
    def failed(self, name):
        """Its points are missing, and bench.py says why."""

    def report(self, b, about):
        directory = f"{b.dir}/doc"
        os.makedirs(directory, exist_ok=True)
        self.save(f"{directory}/scale.csv", about)
        images, parts = draw(self, directory), [about]
        for name, curve in CURVES.items():
            if any(p["curve"] == name for p in self):
                image = [f"![{curve.title}]({images[name]})"] if name in images else []
                parts += [f"### {curve.title}", *image, self.table(name)]
        return "\n\n".join(parts) + "\n"


def by_part(groups):
    """GROUPED, but with so many groups whatever the auctions are."""
    return (f"SELECT auction % {groups} AS part, count(*), sum(price), min(price), max(price), avg(price)"
            " FROM {bid} GROUP BY part")


def beside(b, curve, x, rows, line, baseline=None, **more):
    """A point of each side, from a line's usages; the baseline may be another line's."""
    for side, measured in (("Weir", line), ("baseline", baseline or line)):
        usage = b.meter.typical(measured, side)
        b.results.add(curve, x, side, rows, usage.seconds, usage, **more)


def groups(n):
    def line(b, name):
        bids, query = Bids("all", b.rows), by_part(n)
        path = bids.path(b)
        b.read_file(path)
        b.copy_and_batch(name, path, [query])
        beside(b, "groups", n, bids.rows, name)
        if n < b.rows:
            b.check_views(name, [query])
        else:       # the view goes on as the large one of "hot", and is checked with its rows
            hot(b, query, name)
    return line


def hot(b, query, name):
    """Transactions into a hundredth of a matrel's groups, then the same into a matrel that has only those."""
    hot_groups = b.rows // HOT_PART
    bids = Bids("hot", 400_000 if b.quick else 2_000_000, hot_groups)
    parts = bids.parts(b, HOT_TRANSACTIONS)
    b.file_view("hot_file", bids.path(b))
    with b.batch() as c, b.timed("hot", "baseline") as batch:
        b.run_batch(c, [query], "hot_file")
    for matrel, source in ((b.rows, "bid_file"), (hot_groups, f"(SELECT * FROM bid_file WHERE auction % {HOT_PART} = 0) q")):
        line = f"hot-{matrel}"
        if matrel == hot_groups:
            b.create_views([query])
            b.c.query(f"INSERT INTO bid SELECT * FROM {source}")
        b.c.query("VACUUM ANALYZE v0")
        before = updates(b)
        with b.timed(line, "Weir") as usage:
            for i, part in enumerate(parts):
                wal, start = b.meter.bytes_logged(), time.monotonic()
                b.c.query(f"COPY bid FROM '{part}' CSV")
                seconds, rows = time.monotonic() - start, bids.rows // HOT_TRANSACTIONS
                b.results.add(COURSE, i + 1, "Weir", rows, seconds, case=str(matrel),
                              wal_per_row=(b.meter.bytes_logged() - wal) / rows)
        done = [after - n for after, n in zip(updates(b, before, line), before)]
        b.say(f"{line}: {done[0]:,} updates, {done[1]:,} of them HOT")
        b.results.add("hot", matrel, "Weir", bids.rows, usage.seconds, usage, hot_share=done[1] / done[0])
        b.results.add("hot", matrel, "baseline", bids.rows, batch.seconds, batch)
        b.check_views(f"{name}, {line}", [query], f"(SELECT * FROM {source} UNION ALL SELECT * FROM hot_file) bid")


def updates(b, before=None, line=None):
    """(updates, HOT updates) of the matrel.  With before, when those that Weir counts since have come to PostgreSQL's
    statistics."""
    deadline = time.monotonic() + 30
    while True:
        found = tuple(map(int, b.meter.admin.query(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'v0_mrel'")[0]))
        if not before or found[0] - before[0] >= int(b.c.value("SELECT rows_written FROM weir.stat_view WHERE name = 'v0'")):
            return found
        assert time.monotonic() < deadline, f"{line}: the matrel's statistics do not come"
        time.sleep(0.2)
        b.c.query("SELECT weir.flush()")


def views(b, name):
    """The ten views again and again; then one of them with such as use no column, or read another stream."""
    bids = Bids("1k", 200_000 if b.quick else 1_000_000)
    path = bids.path(b)
    b.read_file(path)
    seconds, answers = {}, {}
    for i, query in enumerate([*TEN_VIEWS, COUNT]):
        with b.batch() as c, b.timed(f"{name}-query-{i}", "baseline") as usage:
            b.run_batch(c, [query])
        seconds[query], answers[query] = usage.seconds, b.digest(query.format(bid="bid_file"))

    for case in CURVES["views"].cases:
        for n in VIEWS if case == "used" else VIEWS[1:]:
            line, others = f"{name}-{case}-{n}", 0
            if case == "used":
                queries = [TEN_VIEWS[i % len(TEN_VIEWS)] for i in range(n)]
            else:
                queries, others = [GROUPED] + [COUNT] * (n - 1) * (case == "count"), (n - 1) * (case == "other")
            b.create_views(queries)
            b.c.query(f"DROP FOREIGN TABLE IF EXISTS other CASCADE; CREATE FOREIGN TABLE other ({BID}) SERVER weir")
            for i in range(others):
                b.c.query(f"CREATE VIEW other{i} AS " + TEN_VIEWS[i % len(TEN_VIEWS)].format(bid="other"))
            with b.timed(line, "Weir") as usage:
                b.c.query(f"COPY bid FROM '{path}' CSV")
            b.same(line, [b.digest(f"SELECT * FROM v{i}") for i in range(len(queries))], [answers[q] for q in queries])
            b.results.add("views", n, "Weir", bids.rows, usage.seconds, usage, case=case)
            b.results.add("views", n, "baseline", bids.rows, sum(seconds[q] for q in queries), case=case)


def clients(n):
    def line(b, name):
        rates = b.inserts(name, n, 1 if b.quick else 3, seconds=2 if b.quick else 4)
        for side, rate in zip(("Weir", "baseline"), rates):
            usage = b.meter.typical(name, side)
            b.results.add("clients", n, side, usage.rows, usage.rows / rate, usage)
    return line


@contextlib.contextmanager
def ingest_workers(b, n):
    """So many run, no more and no less."""
    def become(n, command):
        b.c.query(command)
        b.c.query("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 30
        while b.c.value("SELECT count(pid) FROM weir.stat_worker WHERE kind = 'ingest'") != str(n):
            assert time.monotonic() < deadline, b.c.query("SELECT * FROM weir.stat_worker")
            time.sleep(0.1)

    become(n, f"ALTER SYSTEM SET weir.ingest_workers = {n}")
    try:
        yield
    finally:
        become(1, "ALTER SYSTEM RESET weir.ingest_workers")


def ingest(n_groups):
    """COPY by two clients, half of the rows each."""
    def line(b, name):
        bids, query = Bids("100k", 500_000 if b.quick else 4_000_000), by_part(n_groups)
        b.read_file(bids.path(b))
        parts = bids.parts(b, 2)
        for i, part in enumerate(parts):
            b.file_view(f"part{i}", part)

        def batch(i):
            with b.batch() as c:
                b.run_batch(c, [query], f"part{i}")

        def copy(part):
            with b.session() as c:
                c.query(f"COPY bid FROM '{part}' CSV")

        def at_once(function, arguments):
            with ThreadPoolExecutor(len(arguments)) as pool:
                list(pool.map(function, arguments))

        with b.timed(name, "baseline"):
            at_once(batch, range(len(parts)))
        for n in WORKERS:
            with ingest_workers(b, n):
                b.create_views([query])
                with b.timed(f"{name}-{n}", "Weir"):
                    at_once(copy, parts)
            b.check_views(f"{name}-{n}", [query])
            beside(b, "ingest", n, bids.rows, f"{name}-{n}", name, case=str(n_groups))
    return line


def kafka(b, name):
    bids = Bids("1k", 300_000 if b.quick else 2_000_000)
    b.fill_topic("spread", bids, PARTITIONS)
    with b.timed(name, "baseline"):
        b.kcat("spread")
    for n in WORKERS:
        b.kafka_stream(BID, "spread", workers=n)
        b.consume(f"{name}-{n}", GROUPED, bids.rows)
        b.check_views(f"{name}-{n}", [GROUPED])
        beside(b, "kafka", n, bids.rows, f"{name}-{n}", name)


def lines(b):
    """(name, function) of every line, in the order of the tables."""
    for n in GROUPS:
        if n <= b.rows:
            yield f"groups-{n}" + ("-hot" if n == b.rows else ""), groups(n)
    yield "views", views
    for n in CLIENTS:
        yield f"clients-{n}", clients(n)
    for n in (1000, 100_000):
        yield f"ingest-workers-{n}", ingest(n)
    yield "kafka-workers", kafka


if __name__ == "__main__":
    main(lines, Scale())
