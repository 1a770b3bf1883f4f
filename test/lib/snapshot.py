"""A reader compares views of one stream in one snapshot while four clients insert.

    snapshot.py DSN SECONDS
"""
import sys
import threading
import time

from pq import connect

dsn, seconds = sys.argv[1], float(sys.argv[2])
deadline = time.monotonic() + seconds
failures = []


def writer(number):
    with connect(dsn) as c:
        c.query(f"SET weir.synchronous_insert = {'on' if number % 2 else 'off'}")
        i = 0
        while time.monotonic() < deadline:
            i += 1
            c.query(f"INSERT INTO s VALUES ({i % 100}, {i}), ({(i + 50) % 100}, {-i})")


def main():
    with connect(dsn) as c:
        c.query("CREATE FOREIGN TABLE s (k int, x bigint) SERVER weir;"
                "CREATE VIEW total AS SELECT count(*), coalesce(sum(x), 0) AS sum FROM s;"
                "CREATE VIEW by_k AS SELECT k, count(*), sum(x) FROM s GROUP BY k;"
                "CREATE VIEW every AS SELECT x FROM s")
        threads = [threading.Thread(target=writer, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        polls, seen = 0, set()
        differ, torn = [], []
        while time.monotonic() < deadline:
            polls += 1
            c.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
            total = c.query("SELECT count, sum FROM total")
            by_k = c.query("SELECT coalesce(sum(count), 0), coalesce(sum(sum), 0) FROM by_k")
            c.query("COMMIT")
            one = c.query("SELECT t.count = coalesce(k.n, 0) FROM total t, (SELECT sum(count) AS n FROM by_k) k")
            if polls % 50 == 0:
                c.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
                a = c.query("SELECT count, sum FROM total")
                b = c.query("SELECT count(*), coalesce(sum(x), 0) FROM every")
                c.query("COMMIT")
                if a != b:
                    differ.append((a, b))
            if total != by_k or one != [("t",)]:
                differ.append((total, by_k, one))
            if total[0][1] != "0":
                torn.append(total)
            seen.add(total[0])
        for t in threads:
            t.join()
        print("not ok" if differ else "ok", "views of one stream never differ in a snapshot", *differ[:3])
        print("not ok" if torn else "ok", "a transaction's rows appear together", *torn[:3])
        print("ok" if len(seen) > 20 else "not ok", f"{len(seen)} states seen in {polls} polls")


main()
