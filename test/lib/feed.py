"""Large transactions, whose rows go to a worker while they run.

    feed.py DSN
"""
import sys
import threading
import time

from pq import Error, connect

dsn = sys.argv[1]
ROWS = 200_000                  # of one COPY: several megabytes
expected = {}                   # k -> [count, sum]


def check(ok, name):
    print("ok" if ok else "not ok", name)


def copy(c, first, n=ROWS, table="s"):
    # What cancels the statement is sent to its programs, too: they must not be the first to end.
    c.query(f"COPY {table} (k, x) FROM PROGRAM 'trap \"\" INT; seq {first} {first + n - 1} | awk ''{{print $1 % 100 \"\\t\" $1}}'''")


def counts(first, n=ROWS):
    for x in range(first, first + n):
        e = expected.setdefault(x % 100, [0, 0])
        e[0] += 1
        e[1] += x


def memory(c):
    return {r[0]: int(r[1]) for r in c.query("SELECT area, used FROM weir.stat_memory")}


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (ok := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return ok


def exact(c, name):
    c.query("SELECT weir.flush()")
    got = {int(k): [int(n), int(s)] for k, n, s in c.query("SELECT k, count, sum FROM v WHERE k < 1000")}
    check(got == expected, name)


def idle(c, name):
    ok = until(lambda: memory(c)["queue"] == 0 and memory(c)["groups"] == 0)
    check(ok, f"{name} ({memory(c)})")


def worker(c):
    rows = c.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'weir ingest worker' LIMIT 1")
    return rows[0][0] if rows else None


with connect(dsn) as c, connect(dsn) as o:
    c.query("SET weir.insert_buffer = '64kB'")
    c.query("""CREATE FOREIGN TABLE s (k int, x bigint) SERVER weir;
               CREATE TABLE dim (k int PRIMARY KEY, name text);
               INSERT INTO dim SELECT i, 'old' FROM generate_series(0, 99) i;
               CREATE FOREIGN TABLE aside (k int) SERVER weir;
               CREATE VIEW aside_count AS SELECT count(*) FROM aside;
               CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k""")

    # The rows go to the worker while the transaction runs, keep nobody waiting, and appear at once.
    c.query("BEGIN")
    copy(c, 1)
    check(until(lambda: memory(o)["groups"] > 0 and memory(o)["queue"] < 200_000),
          "a worker has taken the rows while the transaction runs")
    check(o.query("SELECT * FROM v") == [], "nobody sees them")
    o.query("INSERT INTO s VALUES (1000, 1)")
    check(o.value("SELECT count FROM v WHERE k = 1000") == "1", "others insert and see theirs")
    copy(c, ROWS + 1)
    check(o.value("SELECT count(*) FROM v") == "1", "still nobody sees them")
    c.query("COMMIT")
    counts(1, 2 * ROWS)
    exact(c, "all of them count at the commit")
    idle(c, "memory is free again")
    rows = c.value("SELECT rows FROM weir.stat_stream WHERE stream = 's'::regclass")
    check(int(rows) == 2 * ROWS + 1, f"statistics count them ({rows})")

    # Rolled back: as if never there.
    c.query("BEGIN")
    copy(c, 1)
    check(until(lambda: memory(o)["groups"] > 0), "rows of a transaction that will roll back are taken")
    c.query("ROLLBACK")
    exact(c, "they do not count")
    idle(c, "and leave no memory behind")
    check(c.value("SELECT rows FROM weir.stat_stream WHERE stream = 's'::regclass") == rows, "nor statistics")

    # Savepoints, before and after the first rows.
    c.query("BEGIN; SAVEPOINT a")
    copy(c, 1)
    until(lambda: memory(o)["groups"] > 0)
    c.query("ROLLBACK TO a")
    copy(c, 1_000_001)
    counts(1_000_001)
    c.query("SAVEPOINT b")
    copy(c, 2_000_001)
    c.query("ROLLBACK TO b")
    copy(c, 3_000_001)
    counts(3_000_001)
    c.query("SAVEPOINT c")
    copy(c, 4_000_001, 10)
    counts(4_000_001, 10)
    c.query("RELEASE c")
    copy(c, 5_000_001)
    counts(5_000_001)
    c.query("SAVEPOINT d; SAVEPOINT e")
    copy(c, 6_000_001)
    counts(6_000_001)
    c.query("RELEASE d; COMMIT")
    exact(c, "savepoints released and rolled back")
    idle(c, "leave no memory behind")

    # What the transaction itself changed is seen by the rows that come after.
    c.query("CREATE VIEW names AS SELECT name, count(*) FROM s JOIN dim USING (k) GROUP BY name")
    c.query("BEGIN")
    copy(c, 1)
    until(lambda: memory(o)["groups"] > 0)
    c.query("UPDATE dim SET name = 'new'")
    copy(c, 1)
    c.query("COMMIT")
    counts(1)
    counts(1)
    exact(c, "rows before and after a change")
    names = {name: int(n) for name, n in c.query("SELECT * FROM names")}
    check(names["new"] >= ROWS and names["old"] > 0 and sum(names.values()) == 2 * ROWS,
          f"rows after a change of a joined table see it ({names})")

    # A lock that the worker needs: the transaction goes on without it.
    c.query("BEGIN; LOCK TABLE dim IN ACCESS EXCLUSIVE MODE")
    start = time.monotonic()
    copy(c, 1, 10 * ROWS)
    o.query("SET statement_timeout = '20s'")
    aside = time.monotonic()
    o.query("INSERT INTO aside VALUES (1)")
    aside = time.monotonic() - aside
    check(aside < 15, f"keeps no worker from the rows of others ({aside:.1f} s)")
    o.query("RESET statement_timeout")
    c.query("COMMIT")
    counts(1, 10 * ROWS)
    exact(c, f"a transaction with a lock that the worker waits for ends ({time.monotonic() - start:.1f} s)")

    # A backend that is terminated while it waits for a worker.
    def terminated():
        with connect(dsn) as t:
            pids.append(t.value("SELECT pg_backend_pid()"))
            try:
                copy(t, 1, 100 * ROWS)
            except Error as e:
                pids.append(e.lost)

    pids = []
    c.query("BEGIN; LOCK TABLE dim IN ACCESS EXCLUSIVE MODE")
    thread = threading.Thread(target=terminated)
    thread.start()
    check(until(lambda: memory(o)["queue"] > 7_000_000 and
                o.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {pids[0]}") == "Extension"),
          "a backend waits for room")
    o.query(f"SELECT pg_terminate_backend({pids[0]})")
    thread.join()
    c.query("ROLLBACK")
    check(pids[1:] == [True], "a backend is terminated while it waits")
    exact(c, "its rows do not count")
    idle(c, "and leave no memory behind")
    c.query("DROP VIEW names")

    # A view made meanwhile counts what comes after it, and nothing that was committed before.
    c.query("BEGIN")
    copy(c, 1)
    until(lambda: memory(o)["groups"] > 0)
    o.query("CREATE VIEW later AS SELECT count(*) FROM s")
    copy(c, 1)
    c.query("COMMIT")
    counts(1)
    counts(1)
    exact(c, "a view made while rows are handed over")
    n = int(c.value("SELECT count FROM later"))
    check(ROWS <= n <= 2 * ROWS, f"counts what was inserted after it ({n})")
    c.query("SET weir.synchronous_insert = off")
    copy(c, 1)
    o.query("CREATE VIEW too_late AS SELECT count(*) FROM s")
    counts(1)
    exact(c, "a view made when the commit has returned")
    check(c.value("SELECT count FROM too_late") == "0", "counts nothing of it")
    c.query("RESET weir.synchronous_insert; DROP VIEW later, too_late")

    # Workers that end.
    c.query("BEGIN")
    for i in range(5):
        copy(c, 1 + i * ROWS)
        if pid := worker(o):
            o.query(f"SELECT pg_terminate_backend({pid})")
    c.query("COMMIT")
    counts(1, 5 * ROWS)
    exact(c, "workers that end while rows are handed over")
    idle(c, "leave no memory behind")

    # Rows that a view cannot take.
    c.query("CREATE VIEW bad AS SELECT count(1 / (x % 50000)) FROM s")
    c.query("BEGIN")
    copy(c, 1)
    until(lambda: memory(o)["groups"] > 0)
    c.query("ROLLBACK; SELECT weir.flush()")
    check(c.value("SELECT count(*) FROM weir.dead_letters") == "0", "a transaction that rolls back leaves no dead letters")
    copy(c, 1)
    counts(1)
    exact(c, "bad rows harm no other view")
    check(c.value("SELECT count FROM bad") == str(ROWS - 4), "and no other row")
    check(c.value("SELECT count(*) FROM weir.dead_letters") == "4", "four dead letters")
    c.query("DROP VIEW bad")

    # Rows that a view fails on as a whole.
    c.query("""CREATE FUNCTION picky(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
               BEGIN IF $1 = 50000 THEN RAISE feature_not_supported; END IF; RETURN $1; END $$;
               CREATE VIEW picky AS SELECT count(picky(x)) FROM s""")
    state = "SELECT state FROM weir.views WHERE view = 'picky'::regclass"
    c.query("BEGIN")
    copy(c, 1)
    until(lambda: memory(o)["groups"] > 0, 1)
    c.query("ROLLBACK; SELECT weir.flush()")
    idle(c, "rows that would suspend a view leave no memory behind when they roll back")
    check(c.value(state) == "active", "and do not suspend it")
    copy(c, 1)
    counts(1)
    exact(c, "all other views count them at the commit")
    check(c.value(state) == "suspended", "and the view is suspended")
    c.query("DROP VIEW picky")

    # Cancelled.
    threading.Timer(0.3, c.cancel).start()
    try:
        copy(c, 1, 100 * ROWS)
        check(False, "COPY is cancelled")
    except Error as e:
        check(e.sqlstate == "57014", "COPY is cancelled")
    exact(c, "a cancelled COPY counts nothing")
    idle(c, "and leaves no memory behind")

    # Several at a time, beside small transactions.
    def client(n):
        with connect(dsn) as t:
            t.query("SET weir.insert_buffer = '64kB'")
            for i in range(4):
                t.query("BEGIN")
                copy(t, 10_000_000 * n + i * ROWS)
                t.query("ROLLBACK" if i % 2 else "COMMIT")

    def small():
        with connect(dsn) as t:
            for i in range(300):
                t.query(f"INSERT INTO s VALUES ({i % 100}, 1)")

    threads = [threading.Thread(target=client, args=(n,)) for n in range(1, 5)] + [threading.Thread(target=small)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for n in range(1, 5):
        for i in (0, 2):
            counts(10_000_000 * n + i * ROWS)
    for i in range(300):
        expected[i % 100][0] += 1
        expected[i % 100][1] += 1
    exact(c, "several large transactions and many small ones")
    idle(c, "no memory is left in use")
