"""What the benchmark's programs (targets.py, scale.py) share: rows, a broker, runs that are measured and checked.

    PROGRAM DIR [--quick] [PATTERN...]

DIR is the benchmark's own directory with a server in DIR/data; PGHOST and PGDATABASE lead to it.
Only lines whose name contains a pattern are run.  The tables are left in DIR/tables.md.
"""
import contextlib
import os
import re
import subprocess
import sys
import time
import traceback

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TEST, "lib"))
from pq import Error, connect  # noqa: E402

from meter import Meter  # noqa: E402
from report import machine  # noqa: E402

BID = "auction bigint, bidder bigint, channel text, url text, price bigint, date_time timestamp"
GROUPED = "SELECT auction, count(*), sum(price), min(price), max(price), avg(price) FROM {bid} GROUP BY auction"
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


class Bids:
    """A file of bids, always the same: h and g are 63 random bits of row i."""

    AUCTION = {  # how the auctions are spread
        "1k": "floor(1000 * power((h & 1048575) / 1048576.0::float8, 3))::int",     # a tenth of all bids on one
        "100k": "(h & 1099511627775) % 100000",
        "5m": "i * 2654435761 % {half}",        # two bids on each, far apart
        "1m": "i % 1000000",
        "all": "i * 2654435761 % {rows}",       # a bid on each
        "hot": "(h & 1099511627775) % {rows} * 100",
    }

    def __init__(self, spread, rows, auctions=None):
        self.spread, self.rows, self.auctions = spread, rows, auctions or rows

    def select(self):
        auction = self.AUCTION[self.spread].format(half=self.rows // 2, rows=self.auctions)
        return f"""
            SELECT {auction} AS auction, 1000 + (h >> 20) % 50000 AS bidder,
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

    def parts(self, b, n):
        """The same rows in n files, as many in each."""
        path = self.path(b)
        subprocess.run(["split", "-d", "-n", f"r/{n}", path, f"{path}.part-"], check=True)
        return [f"{path}.part-{i:02}" for i in range(n)]


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

    def fill(self, topic, path, partitions=1, options=()):
        self.run("topic", "create", self.dir, topic, str(partitions))
        with open(path) as f:
            self.run("produce", self.dir, topic, *options, stdin=f)

    def stop(self):
        self.run("stop", self.dir)


class Bench:
    def __init__(self, directory, quick, results):
        self.dir, self.quick, self.started = directory, quick, time.monotonic()
        self.rows, self.period, self.patience = (1_000_000, 2, 600) if quick else (10_000_000, 8, 2700)
        self.dsn, self.results, self.wrong, self._broker = "", results, [], None
        with open(f"{directory}/data/postmaster.pid") as f:
            postmaster = int(f.readline())
        with connect(self.dsn) as c:
            for extension in ("weir", "file_fdw", "hll"):
                c.query(f"CREATE EXTENSION {extension}")
            c.query("CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
        self.meter = Meter(connect(self.dsn), postmaster)

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

    def failed(self, name, why):
        self.wrong.append(f"{name}: {why}")
        self.results.failed(name)

    def run(self, name, function):
        """One line, in an empty schema and a session of its own."""
        if self.late:
            self.failed(name, "not run: the time is up")
            return
        try:
            with self.session() as self.c:
                self.c.query("DROP SCHEMA IF EXISTS bench, batch CASCADE; CREATE SCHEMA bench")
                function(self, name)
                self.c.query("DROP SCHEMA bench CASCADE")
        except (Error, OSError, subprocess.SubprocessError, AssertionError) as e:
            traceback.print_exc()
            self.failed(name, e)

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
            self.wrong.append(f"{name}: the view says {view}, the batch query {batch}")
        self.say(f"{name}: " + ("equal to the batch query" if view == batch else "DIFFERS from the batch query"))

    def file_view(self, relation, path):
        """A view of a file of bids by file_fdw.  Its conditions make it convert every column."""
        self.c.query(f"""
            CREATE FOREIGN TABLE {relation}_raw ({BID}) SERVER files OPTIONS (filename '{path}', format 'csv');
            CREATE VIEW {relation} AS SELECT * FROM {relation}_raw WHERE auction IS NOT NULL AND bidder IS NOT NULL
                AND channel IS NOT NULL AND url IS NOT NULL AND price IS NOT NULL AND date_time IS NOT NULL""")

    def read_file(self, path):
        self.file_view("bid_file", path)

    def run_batch(self, c, queries, relation="bid_file"):
        for query in queries:
            c.query(f"SELECT count(q) FROM ({query.format(bid=relation)}) q")

    def create_views(self, queries, server="weir"):
        """The stream, anew, and the views v0, v1 ... over it."""
        self.c.query(f"DROP FOREIGN TABLE IF EXISTS bid CASCADE; CREATE FOREIGN TABLE bid ({BID}) SERVER {server}")
        for i, query in enumerate(queries):
            self.c.query(f"CREATE VIEW v{i} AS {query.format(bid='bid')}")

    def copy_and_batch(self, name, path, queries):
        """A round: the batch queries over bid_file, then COPY of the same file until the views are complete."""
        with self.batch() as c, self.timed(name, "baseline"):
            self.run_batch(c, queries)
        self.create_views(queries)
        with self.timed(name, "Weir"):
            self.c.query(f"COPY bid FROM '{path}' CSV")

    def check_views(self, name, queries, relation="bid_file"):
        for i, query in enumerate(queries):
            self.same(name, self.digest(f"SELECT * FROM v{i}"), self.digest(query.format(bid=relation)))

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

    def inserts(self, name, clients, rounds, options=None, seconds=None):
        """Single-row INSERTs into a table and a stream with one view, in turn: medians of transactions/s (Weir, baseline).
        What is asynchronous ends when it is visible."""
        self.create_views([GROUPED])
        self.c.query(f"CREATE TABLE plain ({BID})")
        script = ("\\set auction random(1, 1000)\n\\set price random(100, 1000000)\n"
                  "INSERT INTO {} (auction, bidder, channel, url, price, date_time) VALUES (:auction, :client_id, 'channel-1',"
                  " 'https://www.nexmark.com/item.htm?query=1', :price, '2026-03-01')\n")
        tps, sent = {"baseline": [], "Weir": []}, 0
        for _ in self.rounds(rounds):
            self.c.query("TRUNCATE plain")
            for side, target in (("baseline", "plain"), ("Weir", "bid")):
                with self.meter.run(name, side) as usage:
                    usage.rows, rate = outcome(
                        self.pgbench(script.format(target), clients, options[side] if options else "", seconds))
                    if side == "Weir":
                        sent += usage.rows
                        start = time.monotonic()
                        self.c.query("SELECT weir.flush()")
                        rate = usage.rows / (usage.rows / rate + time.monotonic() - start)
                tps[side].append(rate)
                self.say(f"{name}: {side} {rate:,.0f} tps")
        self.same(name, self.c.value("SELECT sum(count) FROM v0"), str(sent))
        return [sorted(tps[side])[len(tps[side]) // 2] for side in ("Weir", "baseline")]

    def fill_topic(self, topic, bids, partitions=1):
        """The file's bids as JSON, spread evenly; bid_file reads them."""
        path = f"{self.dir}/{topic}.json"
        self.read_file(bids.path(self))
        self.c.query(f"COPY (SELECT (row_number() OVER () - 1) % {partitions}, '', row_to_json(f) FROM bid_file_raw f) TO '{path}'")
        self.broker.fill(topic, path, partitions, ["-f"])
        os.remove(path)
        self.say(f"{topic}: {bids.rows:,} messages on {self.broker.kind}")

    def kcat(self, topic):
        """Reads a topic to its end.  The client.id shows whose process it is, so that an interrupted run leaves none."""
        subprocess.run(["kcat", "-C", "-b", self.broker.bootstrap, "-t", topic, "-o", "beginning", "-e", "-q",
                        "-X", f"client.id={self.dir}/kcat"], stdout=subprocess.DEVNULL, check=True, timeout=600)

    def kafka_stream(self, columns, topic, **options):
        """The stream bid over a topic, anew."""
        words = "".join(f", {name} '{value}'" for name, value in options.items())
        self.c.query(f"DROP FOREIGN TABLE IF EXISTS bench.bid CASCADE; CREATE FOREIGN TABLE bench.bid ({columns})"
                     f" SERVER kafka OPTIONS (topic '{topic}', format 'json', startup 'earliest'{words})")

    def wait_for_kafka(self, messages):
        """Offsets are written with the views: at the last one the views are complete."""
        start = time.monotonic()
        read = "SELECT coalesce(sum(next_offset), 0) FROM weir.source_offsets WHERE stream = 'bench.bid'::regclass"
        while int(self.c.value(read)) < messages:
            assert time.monotonic() - start < 600, self.c.query("SELECT * FROM weir.stat_kafka")
            time.sleep(0.02)

    def consume(self, name, query, messages):
        with self.timed(name, "Weir"):
            self.c.query("CREATE VIEW v0 AS " + query.format(bid="bid"))
            self.wait_for_kafka(messages)


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


def main(lines, results):
    """Runs the lines (name, function) that the command line chooses; results.report(b, about) is the text of what came."""
    directory, *rest = sys.argv[1:]
    quick = "--quick" in rest
    patterns = [word for word in rest if word != "--quick"]
    b = Bench(directory, quick, results)
    chosen = [line for line in lines(b) if not patterns or any(p in line[0] for p in patterns)]
    if not chosen:
        sys.exit("No line has such a name.")
    try:
        b.run("baseline", converts_all)
        for name, function in chosen:
            b.run(name, function)
    finally:
        if b._broker:
            b._broker.stop()
    text = results.report(b, machine(b.meter.admin, b._broker and b._broker.kind))
    with open(f"{directory}/tables.md", "w") as f:
        f.write(text)
    print("\n" + text)
    b.say("done")
    for complaint in b.wrong:
        print(f"WRONG: {complaint}")
    sys.exit(bool(b.wrong))
