"""Partitions are made and dropped while readers read, one of them for long, and writers write.

    partition_load.py DSN DAYS

A reader that keeps its transaction open must hold up nobody, nor may what it sees change; when it has
gone, what has expired goes too.
"""
import sys
import threading
import time

from pq import Error, connect

dsn, days = sys.argv[1], int(sys.argv[2])
wrong = []
ended = threading.Event()


def read():
    """Sees whole inserts only, and no errors."""
    try:
        with connect(dsn) as c:
            while not ended.is_set():
                for day, n, d in c.query("SELECT day, count, 10 FROM v UNION ALL SELECT day, count, d FROM u"):
                    if int(n) % 10 or int(d) != 10:
                        wrong.append(f"{day}: {n} rows, {d} values")
    except Error as e:
        wrong.append(f"reader: {e}")


def partitions(c):
    return int(c.value("SELECT max(n) FROM (SELECT count(*) AS n FROM pg_inherits"
                       " WHERE inhparent IN ('v_mrel'::regclass, 'u_mrel'::regclass, 'u_vals1'::regclass) GROUP BY inhparent) a"))


def main():
    c = connect(dsn)
    c.query("SET timezone = 'UTC'; SELECT weir.set_clock('2030-01-01 12:00+00');"
            "CREATE FOREIGN TABLE s (at timestamptz, x int) SERVER weir;"
            "CREATE VIEW v WITH (partition_by = 'day', partition_interval = '1 day', retention = '3 days') AS"
            " SELECT date_trunc('day', at, 'UTC') AS day, count(*) FROM s GROUP BY 1;"
            "CREATE VIEW u WITH (partition_by = 'day', partition_interval = '1 day', retention = '3 days') AS"
            " SELECT date_trunc('day', at, 'UTC') AS day, count(*), count(DISTINCT x) AS d FROM s GROUP BY 1;"
            "INSERT INTO s SELECT weir.clock(), i FROM generate_series(1, 10) i")
    long = connect(dsn)
    long.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    look = "SELECT v.*, d FROM v JOIN u USING (day) ORDER BY day"
    first = long.query(look)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for r in readers:
        r.start()
    slowest = 0
    for _ in range(days):
        c.query("SELECT weir.advance_clock('1 day')")
        started = time.monotonic()
        c.query("INSERT INTO s SELECT weir.clock(), i FROM generate_series(1, 10) i")
        slowest = max(slowest, time.monotonic() - started)
    if long.query(look) != first:
        wrong.append("what the long reader sees has changed")
    held = partitions(c)
    long.query("COMMIT")
    deadline = time.monotonic() + 120
    while partitions(c) > 5 and time.monotonic() < deadline:
        time.sleep(0.1)
    ended.set()
    for r in readers:
        r.join()
    for w in wrong[:10]:
        print("not ok", w)
    print("ok" if not wrong else "not ok", "readers see whole transactions, without errors")
    print("ok" if held == days + 1 else "not ok", f"{held} partitions while a transaction reads for long")
    print("ok" if slowest < 10 else "not ok", f"and inserts go on (the slowest took {slowest:.1f} s)")
    print("ok" if partitions(c) <= 5 else "not ok", f"{partitions(c)} partitions when it has ended")
    count = c.value("SELECT count(*) FROM v WHERE day > weir.clock() - interval '3 days'")
    print("ok" if count == "3" else "not ok", f"what has not expired is there ({count} days)")


main()
