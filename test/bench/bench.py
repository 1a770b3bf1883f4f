"""Weir's targets, each measured beside its baseline on the same server, in turn, and checked.

    bench.py DIR [--quick] [PATTERN...]

DIR is the benchmark's own directory with a server in DIR/data; PGHOST and PGDATABASE lead to it.
Only lines whose name contains a pattern are run.  The tables are left in DIR/tables.md.
"""
import contextlib
import glob
import os
import random
import re
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TEST, "lib"))
from pq import Error, connect  # noqa: E402

from meter import Meter  # noqa: E402
from report import Results, machine, number, tables  # noqa: E402

BID = "auction bigint, bidder bigint, channel text, url text, price bigint, date_time timestamp"
GROUPED = "SELECT auction, count(*), sum(price), min(price), max(price), avg(price) FROM {bid} GROUP BY auction"
DISTINCT = "SELECT auction, hll_cardinality(hll_add_agg(hll_hash_bigint(bidder))) AS bidders FROM {bid} GROUP BY auction"
TEN_VIEWS = [
    GROUPED,
    "SELECT bidder, count(*), max(price) FROM {bid} GROUP BY bidder",
    "SELECT channel, count(*), avg(price) FROM {bid} GROUP BY channel",
    "SELECT url, count(*), sum(price) FROM {bid} GROUP BY url",
    "SELECT date_trunc('minute', date_time) AS minute, count(*), sum(price), max(price) FROM {bid} GROUP BY minute",
    "SELECT date_trunc('hour', date_time) AS hour, channel, count(*), avg(price) FROM {bid} GROUP BY hour, channel",
    "SELECT count(*), sum(price), min(price), max(price), stddev(price) FROM {bid}",
    "SELECT auction, count(*), max(price) FROM {bid} WHERE price > 900000 GROUP BY auction",
    "SELECT bidder % 100 AS part, count(*), count(*) FILTER (WHERE price < 1000) AS low, sum(price) FROM {bid} GROUP BY part",
    "SELECT date_bin('10 seconds', date_time, '2000-01-01') AS starts, channel, max(price) FROM {bid} GROUP BY starts, channel",
]
# Events/s per core, as the vendors published them: Flink 1.13, RisingWave 2023.
PUBLISHED = {"q0": (155_000, 118_000), "q5": (22_000, 5_000), "q12": (76_000, None), "q17": (117_000, 17_000)}


class Bids:
    """A file of bids, always the same: h and g are 63 random bits of row i."""

    AUCTION = {  # how the auctions are spread
        "1k": "floor(1000 * power((h & 1048575) / 1048576.0::float8, 3))::int",     # a tenth of all bids on one
        "100k": "(h & 1099511627775) % 100000",
        "5m": "i * 2654435761 % {half}",        # two bids on each, far apart
        "1m": "i % 1000000",
    }

    def __init__(self, spread, rows):
        self.spread, self.rows = spread, rows

    def select(self):
        return f"""
            SELECT {self.AUCTION[self.spread].format(half=self.rows // 2)} AS auction, 1000 + (h >> 20) % 50000 AS bidder,
                'channel-' || (g & 255) AS channel,
                'https://www.nexmark.com/item.htm?query=' || (g >> 8) % 1000 AS url,
                100 + (g >> 20) % 1000000 AS price, timestamp '2026-03-01' + i * interval '1 ms' AS date_time
            FROM (SELECT i, hashint8extended(i, 1) & 9223372036854775807 AS h,
                      hashint8extended(i, 2) & 9223372036854775807 AS g
                  FROM generate_series(1, {self.rows}::bigint) i OFFSET 0) r"""

    def path(self, b):
        """The file, made when there is none yet."""
        path = f"{b.dir}/bids-{self.spread}-{self.rows}.csv"
        if not os.path.exists(path):
            b.say(f"making {self.rows:,} bids, auctions {self.spread}")
            b.c.query(f"COPY ({self.select()}) TO '{path}' CSV")
        return path


class Broker:
    def __init__(self, directory):
        self.dir, self.sh = directory, f"{TEST}/kafka/broker.sh"
        os.makedirs(directory, exist_ok=True)
        self.run("start", directory)
        with open(f"{directory}/bootstrap") as f:
            self.bootstrap = f.read().strip()
        with open(f"{directory}/kind") as f:
            self.kind = f.read().strip()

    def run(self, *words, **options):
        subprocess.run([self.sh, *words], check=True, stdout=subprocess.DEVNULL, **options)

    def fill(self, topic, path):
        self.run("topic", "create", self.dir, topic, "1")
        with open(path) as f:
            self.run("produce", self.dir, topic, stdin=f)

    def stop(self):
        self.run("stop", self.dir)


class Bench:
    def __init__(self, directory, quick):
        self.dir, self.quick, self.started = directory, quick, time.monotonic()
        self.rows, self.period, self.patience = (1_000_000, 2, 600) if quick else (10_000_000, 8, 2700)
        self.dsn, self.results, self._broker, self.nexmark_bids = "", Results(), None, 0
        with open(f"{directory}/data/postmaster.pid") as f:
            postmaster = int(f.readline())
        with connect(self.dsn) as c:
            for extension in ("weir", "file_fdw", "hll"):
                c.query(f"CREATE EXTENSION {extension}")
            c.query("CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
        self.meter = Meter(self.dsn, postmaster)

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", flush=True)

    @property
    def late(self):
        return time.monotonic() - self.started > self.patience

    @property
    def broker(self):
        if not self._broker:
            self._broker = Broker(f"{self.dir}/kafka")
            self.meter.admin.query("CREATE SERVER kafka FOREIGN DATA WRAPPER weir"
                                   f" OPTIONS (bootstrap_servers '{self._broker.bootstrap}')")
        return self._broker

    def run(self, name, function):
        """One line, in an empty schema and a session of its own."""
        if self.late:
            self.results.failed(name, "not run: the time is up")
            return
        try:
            with self.session() as self.c:
                self.c.query("DROP SCHEMA IF EXISTS bench, batch CASCADE; CREATE SCHEMA bench")
                function(self, name)
                self.c.query("DROP SCHEMA bench CASCADE")
        except (Error, OSError, subprocess.SubprocessError, AssertionError) as e:
            traceback.print_exc()
            self.results.failed(name, e)

    def session(self):
        c = connect(self.dsn)
        c.query("SET search_path = bench, public")
        return c

    @contextlib.contextmanager
    def batch(self):
        """A session for batch queries: one process, and memory enough."""
        with self.session() as c:
            c.query("SET work_mem = '2GB'; SET max_parallel_workers_per_gather = 0")
            yield c

    def rounds(self, n=3):
        for i in range(n):
            if i == 0 or not self.late:
                yield i

    @contextlib.contextmanager
    def timed(self, name, side):
        with self.meter.run(name, side) as usage:
            yield usage
        self.say(f"{name}: {side} {usage.seconds:.2f} s")

    def medians(self, name):
        return self.meter.seconds(name, "Weir"), self.meter.seconds(name, "baseline")

    def digest(self, query):
        """Says the same of two queries that have the same rows."""
        with self.batch() as c:
            return c.query(f"SELECT count(*), sum(hash_record_extended(q, 0)::numeric) FROM ({query}) q")

    def same(self, name, view, batch):
        if view != batch:
            self.results.wrong.append(f"{name}: the view says {view}, the batch query {batch}")
        self.say(f"{name}: " + ("equal to the batch query" if view == batch else "DIFFERS from the batch query"))

    def read_file(self, path):
        """The view bid_file: a file of bids by file_fdw.  Its conditions make it convert every column."""
        self.c.query(f"""
            CREATE FOREIGN TABLE file ({BID}) SERVER files OPTIONS (filename '{path}', format 'csv');
            CREATE VIEW bid_file AS SELECT * FROM file WHERE auction IS NOT NULL AND bidder IS NOT NULL
                AND channel IS NOT NULL AND url IS NOT NULL AND price IS NOT NULL AND date_time IS NOT NULL""")

    def create_views(self, queries):
        self.c.query(f"CREATE FOREIGN TABLE bid ({BID}) SERVER weir")
        for i, query in enumerate(queries):
            self.c.query(f"CREATE VIEW v{i} AS {query.format(bid='bid')}")

    def pgbench(self, script, clients, options="", seconds=None, **more):
        """A running pgbench: transactions of one statement each, prepared, always with the same random numbers."""
        path = f"{self.dir}/script.sql"
        with open(path, "w") as f:
            f.write(script)
        return subprocess.Popen(
            ["pgbench", "-n", "-M", "prepared", "--random-seed=1", "-c", str(clients), "-j", str(min(clients, os.cpu_count())),
             "-T", str(seconds or self.period), *more.get("words", []), "-f", path],
            env=os.environ | {"PGOPTIONS": f"-c search_path=bench,public {options}"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def outcome(pgbench):
    """(transactions, transactions/s) of a pgbench when it has ended."""
    text = pgbench.communicate(timeout=600)[0]
    assert pgbench.returncode == 0, text
    return (int(re.search(r"actually processed: (\d+)", text)[1]), float(re.search(r"tps = ([\d.]+)", text)[1]))


def converts_all(b, name):
    """The baseline is worth something only if it does convert every column: a bad value anywhere must show."""
    good, path = ["1", "1", "c", "u", "1", "2026-03-01"], f"{b.dir}/bad.csv"
    b.read_file(path)
    for column in (0, 1, 4, 5):
        with open(path, "w") as f:
            f.write(",".join("bad" if i == column else v for i, v in enumerate(good)) + "\n")
        try:
            b.c.query("SELECT count(q) FROM (" + GROUPED.format(bid="bid_file") + ") q")
            raise AssertionError(f"the baseline does not read column {column}")
        except Error as e:
            assert e.sqlstate in ("22P02", "22007"), e


def copy_line(b, name, what, bids, queries, most):
    """COPY until the views are complete, beside the batch queries over the same file."""
    path = bids.path(b)
    b.read_file(path)
    for _ in b.rounds():
        b.c.query("DROP FOREIGN TABLE IF EXISTS bid CASCADE")
        with b.batch() as c, b.timed(name, "baseline"):
            for query in queries:
                c.query(f"SELECT count(q) FROM ({query.format(bid='bid_file')}) q")
        b.create_views(queries)
        with b.timed(name, "Weir"):
            b.c.query(f"COPY bid FROM '{path}' CSV")
    for i, query in enumerate(queries):
        b.same(name, b.digest(f"SELECT * FROM v{i}"), b.digest(query.format(bid="bid_file")))
    weir, batch = b.medians(name)
    b.results.at_most(f"{what}, {bids.rows / 1e6:g} M rows", f"{weir:.1f} s ({number(bids.rows / weir)} rows/s)",
                      f"{batch:.1f} s (batch)", weir / batch, most)


def copy_1k(b, name):
    copy_line(b, name, "COPY, 1,000 groups", Bids("1k", b.rows), [GROUPED], 1.0)


def copy_100k(b, name):
    copy_line(b, name, "COPY, 100,000 groups", Bids("100k", b.rows), [GROUPED], 1.0)


def copy_5m(b, name):
    bids = Bids("5m", b.rows)
    copy_line(b, name, f"COPY, {bids.rows / 2e6:g} M groups", bids, [GROUPED], 2.0)
    peak, limit = max((u.shared_peak, u.shared_limit) for u in b.meter.of(name, "Weir"))
    b.results.at_most("shared memory meanwhile, peak", f"{peak / 2**20:.0f} MB", f"{limit / 2**20:.0f} MB (weir.memory)",
                      peak / limit, 1.0)


def hll(b, name):
    copy_line(b, name, "COPY, distinct bidders by hll, 1,000 groups", Bids("1k", b.rows), [DISTINCT], 1.0)


def ten_views(b, name):
    copy_line(b, name, "COPY, 10 views", Bids("1k", b.rows // 5), TEN_VIEWS, 0.6)


def insert(b, name, clients, kind, options, least):
    """Single-row INSERTs; what is asynchronous ends when it is visible."""
    b.create_views([GROUPED])
    b.c.query(f"CREATE TABLE plain ({BID})")
    script = ("\\set auction random(1, 1000)\n\\set price random(100, 1000000)\n"
              "INSERT INTO {} (auction, bidder, channel, url, price, date_time) VALUES (:auction, :client_id, 'channel-1',"
              " 'https://www.nexmark.com/item.htm?query=1', :price, '2026-03-01')\n")
    tps, sent = {"baseline": [], "Weir": []}, 0
    for _ in b.rounds():
        b.c.query("TRUNCATE plain")
        for side, target in (("baseline", "plain"), ("Weir", "bid")):
            with b.meter.run(name, side):
                n, rate = outcome(b.pgbench(script.format(target), clients, options[side]))
                if side == "Weir":
                    sent += n
                    start = time.monotonic()
                    b.c.query("SELECT weir.flush()")
                    rate = n / (n / rate + time.monotonic() - start)
            tps[side].append(rate)
            b.say(f"{name}: {side} {rate:,.0f} tps")
    b.same(name, b.c.value("SELECT sum(count) FROM v0"), str(sent))
    weir, table = (sorted(tps[side])[len(tps[side]) // 2] for side in ("Weir", "baseline"))
    b.results.at_least(f"INSERT of a row, {kind}, {clients} client{'s' * (clients > 1)}", f"{number(weir)} tps",
                       f"{number(table)} tps (table)", weir / table, least)


def insert_sync(clients):
    return lambda b, name: insert(b, name, clients, "synchronous", {"Weir": "", "baseline": ""}, 1.0)


def insert_async(clients):
    return lambda b, name: insert(b, name, clients, "asynchronous", {
        "Weir": "-c weir.synchronous_insert=off", "baseline": "-c synchronous_commit=off"}, 1.5)


def reads(b, name):
    """A view of a million groups beside a table with the same rows and index."""
    bids = Bids("1m", 2_000_000).select()
    b.create_views([GROUPED])
    b.c.query(f"INSERT INTO bid {bids}")
    b.same(name, b.digest("SELECT * FROM v0"), b.digest(GROUPED.format(bid=f"({bids}) bid")))
    b.c.query("CREATE TABLE plain AS SELECT * FROM v0")
    b.c.query("CREATE UNIQUE INDEX ON plain (auction)")
    for relation in ("plain", "v0"):
        b.c.query(f"VACUUM {relation}")
        b.c.query(f"ANALYZE {relation}")
    b.c.query("SET max_parallel_workers_per_gather = 0")
    sides = (("baseline", "plain"), ("Weir", "v0"))
    for _ in b.rounds(5):
        for side, relation in sides:
            with b.timed(name + "-full", side):
                b.c.query(f"SELECT count(q) FROM {relation} q")
    weir, table = b.medians(name + "-full")
    b.results.at_most("full read of a 1 M-group view", f"{weir * 1000:.0f} ms", f"{table * 1000:.0f} ms (table)",
                      weir / table, 1.1)

    spent = {"baseline": [], "Weir": []}
    for _ in b.rounds():
        for side, relation in sides:
            with b.meter.run(name + "-point", side):
                rate = outcome(b.pgbench("\\set auction random(0, 999999)\n"
                                         f"SELECT * FROM {relation} WHERE auction = :auction\n", 1))[1]
            spent[side].append(1e6 / rate)
            b.say(f"{name}-point: {side} {1e6 / rate:.0f} us")
    weir, table = (sorted(spent[side])[len(spent[side]) // 2] for side in ("Weir", "baseline"))
    b.results.at_most("point read of it", f"{weir:.0f} us", f"{table:.0f} us (table)", weir / table, 1.1)


def p99(values):
    return sorted(values)[max(0, round(len(values) * 0.99) - 1)]


def freshness(b, name):
    """From COMMIT to the first query of another session that sees the row, while others insert 1,000 rows a second."""
    b.create_views(["SELECT bidder, count(*), max(auction) FROM {bid} GROUP BY bidder"])
    interval = int(b.c.value("SELECT setting FROM pg_settings WHERE name = 'weir.flush_interval'"))
    samples, dice = (100 if b.quick else 300), random.Random(1)
    load = b.pgbench("INSERT INTO bid (auction, bidder) VALUES (1, :client_id)\n", 4, "-c weir.synchronous_insert=off",
                     seconds=300, words=["-R", "1000"])
    try:
        with b.session() as reader:
            missed, delays = {}, {}
            for mode in ("on", "off"):
                b.c.query(f"SET weir.synchronous_insert = {mode}")
                writer = -1 if mode == "on" else -2
                missed[mode], delays[mode] = 0, []
                for i in range(1, samples + 1):
                    b.c.query(f"INSERT INTO bid (auction, bidder) VALUES ({i}, {writer})")
                    start, first = time.monotonic(), True
                    while reader.query(f"SELECT max FROM v0 WHERE bidder = {writer}") != [(str(i),)]:
                        missed[mode] += first
                        first = False
                        assert time.monotonic() - start < 60, "a row is not visible after a minute"
                        time.sleep(0.001)
                    delays[mode].append((time.monotonic() - start) * 1000)
                    time.sleep(dice.uniform(0, 0.1))
                b.say(f"{name}: synchronous_insert {mode}: {missed[mode]} of {samples} not visible at once,"
                      f" p99 {p99(delays[mode]):.1f} ms")
    finally:
        load.terminate()
        load.communicate()
    b.results.add("COMMIT to visible, synchronous", f"{missed['on']} of {samples} not visible at once",
                  target="0", met=missed["on"] == 0)
    b.results.add("COMMIT to visible, asynchronous, p99", f"{p99(delays['off']):.0f} ms",
                  f"{interval} ms (weir.flush_interval)", target="interval + 20 ms", met=p99(delays["off"]) <= interval + 20)


def wait_for_kafka(b, stream, messages):
    """Offsets are written with the views: at the last one the views are complete."""
    start = time.monotonic()
    read = f"SELECT coalesce(sum(next_offset), 0) FROM weir.kafka_offsets WHERE stream = '{stream}'::regclass"
    while int(b.c.value(read)) < messages:
        assert time.monotonic() - start < 600, b.c.query("SELECT * FROM weir.stat_kafka")
        time.sleep(0.02)


def kafka(b, name):
    messages = 300_000 if b.quick else 2_000_000
    bids, broker, path = Bids("1k", b.rows), b.broker, f"{b.dir}/bids.json"
    b.read_file(bids.path(b))
    b.c.query(f"COPY (SELECT row_to_json(file) FROM file LIMIT {messages}) TO '{path}'")
    broker.fill("bids", path)
    os.remove(path)
    b.say(f"{name}: {messages:,} messages on {broker.kind}")
    # The client.id shows whose process it is, so that an interrupted benchmark leaves none behind.
    kcat = ["kcat", "-C", "-b", broker.bootstrap, "-t", "bids", "-o", "beginning", "-e", "-q", "-X", f"client.id={b.dir}/kcat"]
    for _ in b.rounds():
        b.c.query("DROP FOREIGN TABLE IF EXISTS bid CASCADE")
        with b.timed(name, "baseline"):
            subprocess.run(kcat, stdout=subprocess.DEVNULL, check=True, timeout=600)
        b.c.query(f"CREATE FOREIGN TABLE bid ({BID}) SERVER kafka"
                  " OPTIONS (topic 'bids', format 'json', startup 'earliest')")
        with b.timed(name, "Weir"):
            b.c.query("CREATE VIEW v0 AS " + GROUPED.format(bid="bid"))
            wait_for_kafka(b, "bid", messages)
    b.same(name, b.digest("SELECT * FROM v0"), b.digest(GROUPED.format(bid=f"(SELECT * FROM file LIMIT {messages}) bid")))
    weir, raw = b.medians(name)
    b.results.at_least("Kafka, JSON of six fields, 1,000 groups", f"{number(messages / weir)} messages/s",
                       f"{number(messages / raw)} messages/s (kcat)", raw / weir, 0.5)


NEXMARK_BID = "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text"


def nexmark_fill(b):
    """The topic nexmark and the table nexmark.bid with the same bids, made once."""
    if b.nexmark_bids:
        return
    events = 100_000 if b.quick else 1_000_000
    cut = events // 100 * 50        # two processes, half of the events each
    b.say(f"making NEXMark's bids of {events:,} events")
    halves = []
    for first, last in ((0, cut), (cut, events)):
        path = f"{b.dir}/nexmark-{first}.json"
        with open(path, "w") as f:
            halves.append((path, subprocess.Popen([sys.executable, f"{TEST}/nexmark/generator.py", "bid",
                                                   str(first), str(last), "10000"], stdout=f)))
    path = f"{b.dir}/nexmark.json"
    with open(path, "w") as out:
        for half, process in halves:
            assert process.wait() == 0, "the generator failed"
            with open(half) as f:
                out.writelines(f)
            os.remove(half)
    b.broker.fill("nexmark", path)
    b.c.query(f"""
        CREATE SCHEMA nexmark; SET search_path = nexmark;
        CREATE TABLE side_input (key bigint PRIMARY KEY, value text);
        INSERT INTO side_input SELECT i, 'value ' || i FROM generate_series(0, 9999) i;
        CREATE TABLE bid ({NEXMARK_BID}, arrival_timestamp timestamptz DEFAULT now());
        CREATE TEMP TABLE message (line jsonb); COPY message FROM '{path}';
        INSERT INTO bid SELECT (jsonb_populate_record(NULL::bid, line)).* FROM message;
        DROP TABLE message; ANALYZE""")
    os.remove(path)
    b.nexmark_bids = int(b.c.value("SELECT count(*) FROM bid"))


def nexmark(b, name):
    """One query's file, run twice: over the stream bench.bid, and over the table nexmark.bid for the check."""
    query = name.removeprefix("nexmark-")
    nexmark_fill(b)
    with open(f"{TEST}/nexmark/{query}.sql") as f:
        sql = f.read()
    for _ in b.rounds(1 if b.quick else 3):
        b.c.query("SET search_path = bench, nexmark; DROP FOREIGN TABLE IF EXISTS bench.bid CASCADE")
        b.c.query(f"CREATE FOREIGN TABLE bench.bid ({NEXMARK_BID}) SERVER kafka"
                  " OPTIONS (topic 'nexmark', format 'json', startup 'earliest')")
        with b.timed(name, "Weir"):
            b.c.query(sql)
            wait_for_kafka(b, "bench.bid", b.nexmark_bids)
    b.c.query("CREATE SCHEMA batch; SET search_path = batch, nexmark")
    b.c.query(sql)
    # Its windows are those of the messages' arrival; the table's rows have arrived at once.
    rows = "SELECT bidder, sum(bids) FROM {}.q12 GROUP BY bidder" if query == "q12" else f"SELECT * FROM {{}}.{query}"
    b.same(name, b.digest(rows.format("bench")), b.digest(rows.format("batch")))
    b.c.query("DROP SCHEMA batch CASCADE")
    usage = b.meter.typical(name, "Weir")
    rate, by_clock = b.nexmark_bids / usage.cpu_seconds, b.nexmark_bids / usage.seconds
    flink, risingwave = PUBLISHED.get(query, (None, None))
    best = max(flink or 0, risingwave or 0)
    said = ", ".join(f"{n // 1000} k ({who})" for n, who in ((flink, "Flink"), (risingwave, "RisingWave")) if n)
    b.results.add(f"NEXMark {query}, bids/s per core", f"{number(rate)} ({number(by_clock)}/s in all)", said or "-",
                  rate / best if best else None, "ahead" if best else "-", rate > best if best else None)


def lines():
    """(name, function) of every line, in the order of the table."""
    yield from [("copy-1k", copy_1k), ("copy-100k", copy_100k), ("copy-5m", copy_5m), ("copy-hll", hll),
                ("copy-ten-views", ten_views)]
    for clients in (1, 8, 32):
        yield f"insert-sync-{clients}", insert_sync(clients)
    for clients in (1, 8, 32):
        yield f"insert-async-{clients}", insert_async(clients)
    yield from [("reads", reads), ("freshness", freshness), ("kafka", kafka)]
    files = [os.path.basename(path)[:-len(".sql")] for path in glob.glob(f"{TEST}/nexmark/q*.sql")]
    for query in sorted(files, key=lambda q: int(q[1:])):
        yield f"nexmark-{query}", nexmark


def main():
    directory, *rest = sys.argv[1:]
    quick = "--quick" in rest
    patterns = [word for word in rest if word != "--quick"]
    chosen = [line for line in lines() if not patterns or any(p in line[0] for p in patterns)]
    if not chosen:
        sys.exit("No line has such a name.")
    b = Bench(directory, quick)
    try:
        b.run("baseline", converts_all)
        for name, function in chosen:
            b.run(name, function)
    finally:
        if b._broker:
            b._broker.stop()
    text = tables(b.results, b.meter, machine(b.meter.admin, b._broker and b._broker.kind))
    with open(f"{directory}/tables.md", "w") as f:
        f.write(text)
    print("\n" + text)
    b.say("done")
    for complaint in b.results.wrong:
        print(f"WRONG: {complaint}")
    sys.exit(bool(b.results.wrong))


if __name__ == "__main__":
    main()
