"""COMMIT waits until rows are visible; interrupting the wait never undoes the transaction.

    sync.py DSN

The flush worker is stopped (SIGSTOP) where a wait has to be seen.
"""
import os
import signal
import sys
import threading
import time

from pq import Error, connect

dsn = sys.argv[1]
admin = connect(dsn)
ids = iter(range(1, 1000))


def ok(good, what, *shown):
    print("ok" if good else "not ok", what, *([] if good else shown))


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class StoppedFlush:
    """The flush worker does nothing meanwhile."""

    def __enter__(self):
        self.pid = int(admin.value(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'weir flush worker' AND datname = 'postgres'"))
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def __exit__(self, *_):
        self.go_on()


class Statement(threading.Thread):
    """Runs a statement of its own connection; error is what it raised."""

    def __init__(self, id_, sql, settings):
        super().__init__(daemon=True)
        self.id, self.c, self.sql, self.error = id_, connect(dsn), sql, None
        for s in settings:
            self.c.query(s)
        self.start()

    def run(self):
        try:
            self.c.query(self.sql)
        except Error as e:
            self.error = e

    def waits(self):
        """It has committed (its row in t is visible) and waits."""
        return until(lambda: admin.query(
            f"SELECT 1 FROM pg_stat_activity WHERE pid = {self.c.pid} AND state = 'active'"
            " AND wait_event IS NOT NULL") and admin.query(f"SELECT 1 FROM t WHERE id = {self.id}"), 20)


def insert(settings=(), form="BEGIN; INSERT INTO s VALUES ({0}); INSERT INTO t VALUES ({0}); COMMIT"):
    i = next(ids)
    return Statement(i, form.format(i), settings)


def counted(s):
    """Times the row counts, now."""
    return (admin.query(f"SELECT count FROM v WHERE id = {s.id}") or [("0",)])[0][0]


def counts_once(s, what):
    admin.query("SELECT weir.flush()")
    ok(counted(s) == "1", f"{what}: the row counts once", counted(s))


def warned(s):
    return any("WARNING" in n for n in s.c.notices)


def main():
    admin.query("CREATE FOREIGN TABLE s (id int) SERVER weir; CREATE TABLE t (id int);"
                "CREATE VIEW v AS SELECT id, count(*) FROM s GROUP BY id")

    # On: visible to everyone when COMMIT returns, each time.
    with connect(dsn) as c:
        late = 0
        for _ in range(200):
            i = next(ids)
            c.query(f"INSERT INTO s VALUES ({i})")
            late += admin.query(f"SELECT count FROM v WHERE id = {i}") != [("1",)]
        ok(late == 0, "on: a row is visible when its INSERT returns", late)
        ok(c.value("SHOW weir.synchronous_insert") == "on", "on is the default")

    with StoppedFlush() as flush:
        s = insert()
        ok(s.waits(), "on: COMMIT waits for the flush, its transaction committed")
        ok(s.is_alive() and counted(s) == "0", "on: it still waits")
        # The wait holds no locks.
        admin.query("SET lock_timeout = '5s'")
        try:
            admin.query("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; COMMIT")
            ok(True, "on: who waits holds no locks")
        except Error as e:
            ok(False, "on: who waits holds no locks", e)
            admin.query("ROLLBACK")
        admin.query("RESET lock_timeout")
        flush.go_on()
        s.join(60)
        ok(not s.is_alive() and s.error is None, "on: the flush ends the wait", s.error)
        ok(counted(s) == "1", "on: the row is visible")

    with StoppedFlush() as flush:
        s = insert(["SET weir.synchronous_insert = off"])
        s.join(20)
        ok(not s.is_alive() and s.error is None, "off: COMMIT does not wait", s.error)
        local = insert(form="BEGIN; SET LOCAL weir.synchronous_insert = off; INSERT INTO s VALUES ({0});"
                            " INSERT INTO t VALUES ({0}); COMMIT")
        local.join(20)
        ok(not local.is_alive(), "off for one transaction: COMMIT does not wait")
        flush.go_on()
        counts_once(s, "off")
        counts_once(local, "off for one transaction")
        local.join(60)

    with StoppedFlush() as flush:
        s = insert()
        s.waits()
        s.c.cancel()
        s.join(20)
        ok(not s.is_alive() and s.error is None, "cancel: ends the wait without an error", s.error)
        ok(warned(s), "cancel: with a warning", s.c.notices)
        flush.go_on()
        counts_once(s, "cancel")
        ok(s.c.value("SELECT 1") == "1", "cancel: the session goes on")

    with StoppedFlush() as flush:
        s = insert()
        s.waits()
        admin.query(f"SELECT pg_terminate_backend({s.c.pid})")
        s.join(20)
        ok(not s.is_alive() and s.error and s.error.lost, "terminate: ends the wait and the connection", s.error)
        ok(admin.query(f"SELECT 1 FROM t WHERE id = {s.id}") == [("1",)], "terminate: the transaction is committed")
        flush.go_on()
        counts_once(s, "terminate")

    # As with synchronous replication, the timeout of a statement does not reach its commit, ...
    with StoppedFlush() as flush:
        s = insert(["SET statement_timeout = '500ms'"])
        s.waits()
        time.sleep(0.7)
        flush.go_on()
        s.join(20)
        ok(not s.is_alive() and s.error is None, "statement_timeout: no error", s.error)
        counts_once(s, "statement_timeout")

    # ... but one that commits inside is cancelled in its wait, and has committed.
    with StoppedFlush() as flush:
        s = insert(["SET statement_timeout = '500ms'"],
                   "DO $$ BEGIN INSERT INTO s VALUES ({0}); INSERT INTO t VALUES ({0}); COMMIT; END $$")
        s.join(20)
        ok(not s.is_alive(), "statement_timeout in DO: ends the wait")
        ok(warned(s), "statement_timeout in DO: with a warning", s.c.notices)
        flush.go_on()
        counts_once(s, "statement_timeout in DO")

    n, total = admin.query("SELECT count(*), sum(count) FROM v")[0]
    ok(n == total, "no row counts twice", n, total)


main()
