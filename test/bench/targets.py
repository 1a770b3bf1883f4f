"""Weir's targets, each measured beside its baseline on the same server, in turn, and checked (see bench.py)."""
import functools
import glob
import os
import random
import subprocess
import sys
import time

from bench import BID, GROUPED, TEN_VIEWS, TEST, Bids, main, outcome
from report import Results, number

DISTINCT = "SELECT auction, hll_cardinality(hll_add_agg(hll_hash_bigint(bidder))) AS bidders FROM {bid} GROUP BY auction"
# Events/s per core, as the vendors published them: Flink 1.13, RisingWave 2023.
PUBLISHED = {"q0": (155_000, 118_000), "q5": (22_000, 5_000), "q12": (76_000, None), "q17": (117_000, 17_000)}


def copy_line(b, name, what, bids, queries, most):
    """COPY until the views are complete, beside the batch queries over the same file."""
    path = bids.path(b)
    b.read_file(path)
    for _ in b.rounds():
        b.copy_and_batch(name, path, queries)
    b.check_views(name, queries)
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
    weir, table = b.inserts(name, clients, 3, options)
    b.results.at_least(f"INSERT of a row, {kind}, {clients} client{'s' * (clients > 1)}", f"{number(weir)} tps",
                       f"{number(table)} tps (table)", weir / table, least)


def insert_sync(clients):
    return lambda b, name: insert(b, name, clients, "synchronous", None, 1.0)


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


def kafka(b, name):
    bids = Bids("1k", 300_000 if b.quick else 2_000_000)
    b.fill_topic("bids", bids)
    for _ in b.rounds():
        with b.timed(name, "baseline"):
            b.kcat("bids")
        b.kafka_stream(BID, "bids")
        b.consume(name, GROUPED, bids.rows)
    b.check_views(name, [GROUPED])
    weir, raw = b.medians(name)
    b.results.at_least("Kafka, JSON of six fields, 1,000 groups", f"{number(bids.rows / weir)} messages/s",
                       f"{number(bids.rows / raw)} messages/s (kcat)", raw / weir, 0.5)


NEXMARK_BID = "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text"


@functools.cache
def nexmark_fill(b):
    """The topic nexmark and the table nexmark.bid with the same bids, made once: how many."""
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
    return int(b.c.value("SELECT count(*) FROM bid"))


def nexmark(b, name):
    """One query's file, run twice: over the stream bench.bid, and over the table nexmark.bid for the check."""
    query = name.removeprefix("nexmark-")
    bids = nexmark_fill(b)
    with open(f"{TEST}/nexmark/{query}.sql") as f:
        sql = f.read()
    for _ in b.rounds(1 if b.quick else 3):
        b.c.query("SET search_path = bench, nexmark")
        b.kafka_stream(NEXMARK_BID, "nexmark")
        with b.timed(name, "Weir"):
            b.c.query(sql)
            b.wait_for_kafka(bids)
    b.c.query("CREATE SCHEMA batch; SET search_path = batch, nexmark")
    if os.path.exists(f"{TEST}/nexmark/batch/{query}.sql"):     # where batch says it otherwise
        with open(f"{TEST}/nexmark/batch/{query}.sql") as f:
            sql = f.read()
    b.c.query(sql)
    # Its windows are those of the messages' arrival; the table's rows have arrived at once.
    rows = "SELECT bidder, sum(bids) FROM {}.q12 GROUP BY bidder" if query == "q12" else f"SELECT * FROM {{}}.{query}"
    b.same(name, b.digest(rows.format("bench")), b.digest(rows.format("batch")))
    b.c.query("DROP SCHEMA batch CASCADE")
    usage = b.meter.typical(name, "Weir")
    rate, by_clock = bids / usage.cpu_seconds, bids / usage.seconds
    flink, risingwave = PUBLISHED.get(query, (None, None))
    best = max(flink or 0, risingwave or 0)
    said = ", ".join(f"{n // 1000} k ({who})" for n, who in ((flink, "Flink"), (risingwave, "RisingWave")) if n)
    b.results.add(f"NEXMark {query}, bids/s per core", f"{number(rate)} ({number(by_clock)}/s in all)", said or "-",
                  rate / best if best else None, "ahead" if best else "-", rate > best if best else None)


def lines(b):
    """(name, function) of every line, in the order of the table."""
    yield from [("copy-1k", copy_1k), ("copy-100k", copy_100k), ("copy-5m", copy_5m), ("copy-hll", hll),
                ("copy-ten-views", ten_views)]
    for clients in (1, 8, 32):
        yield f"insert-sync-{clients}", insert_sync(clients)
    for clients in (1, 8, 32):
        yield f"insert-async-{clients}", insert_async(clients)
    yield from [("reads", reads), ("freshness", freshness), ("kafka", kafka)]
    files = [os.path.basename(path)[:-len(".sql")] for path in glob.glob(f"{TEST}/nexmark/q*.sql")]
    files.remove("q8")      # the topic has bids only; test/t/windows.pl checks it
    for query in sorted(files, key=lambda q: int(q[1:])):
        yield f"nexmark-{query}", nexmark


if __name__ == "__main__":
    main(lines, Results())
