"""Rows whose views need a lock that is not free wait for it; rows of other streams, and who waits for these, do not.

    parked.py DSN

Locks of several kinds are held for a few seconds each, while one client inserts into the stream that needs
them and another one, the bystander, into a stream that does not.  Then every view is compared with a batch query.
"""
import sys
import threading
import time

from pq import Error, connect

dsn = sys.argv[1]
HELD_SECONDS = 2.0
admin = connect(dsn)


def ok(good, what, *shown):
    print("ok" if good else "not ok", what, *([] if good else shown))


class Inserter(threading.Thread):
    """Inserts until it is told to stop; how long each took is in latencies, in ms."""

    def __init__(self, sql):
        super().__init__(daemon=True)
        self.sql, self.latencies, self.stopping, self.c = sql, [], False, connect(dsn)
        self.c.query("SET client_min_messages = error")
        self.start()

    def run(self):
        while not self.stopping:
            began = time.monotonic()
            self.c.query(self.sql)
            self.latencies.append((time.monotonic() - began) * 1000)
            time.sleep(0.005)

    def stop(self):
        self.stopping = True
        self.join(60)
        self.c.close()
        return not self.is_alive()


def median(values):
    return sorted(values)[len(values) // 2] if values else float("inf")


admin.query("""
CREATE TABLE dim (k int PRIMARY KEY, name text);
INSERT INTO dim SELECT i, 'n' || i FROM generate_series(0, 9) i;
CREATE TABLE inner_dim (k int);
INSERT INTO inner_dim SELECT generate_series(0, 9);
CREATE FUNCTION looked_up(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT k FROM inner_dim WHERE k = $1); END $$;
CREATE FOREIGN TABLE s (k int, n int) SERVER weir;
CREATE FOREIGN TABLE e (k int, at timestamptz) SERVER weir OPTIONS (event_time 'at');
CREATE FOREIGN TABLE c (k int, n int) SERVER weir;
CREATE TABLE c_rows (k int, n int);
CREATE TABLE combine_dim (k int);
CREATE FUNCTION added(a int, b int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM combine_dim; RETURN a + b; END $$;
CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = added);
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE TABLE s_rows (k int, n int);
CREATE TABLE e_rows (k int, at timestamptz);
CREATE TABLE bystander_rows (k int);
CREATE VIEW joined AS SELECT name, count(*), sum(n) FROM s JOIN dim USING (k) GROUP BY name;
CREATE VIEW called AS SELECT looked_up(k) AS k, count(*) FROM s GROUP BY 1;
CREATE VIEW minutes AS SELECT window_start, count(*) FROM e, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW combined AS SELECT k, agg(n) FROM c GROUP BY k;
CREATE VIEW plain AS SELECT k, count(*) FROM bystander GROUP BY k""".replace("looked_up(int) RETURNS int LANGUAGE",
                                                                          "looked_up(int) RETURNS int IMMUTABLE LANGUAGE"))
INTO_S = "WITH r AS (INSERT INTO s_rows SELECT i % 10, i FROM generate_series(1, 20) i RETURNING *) INSERT INTO s SELECT * FROM r"
INTO_E = "WITH r AS (INSERT INTO e_rows SELECT i, now() FROM generate_series(1, 20) i RETURNING *) INSERT INTO e SELECT * FROM r"
INTO_C = "WITH r AS (INSERT INTO c_rows SELECT i % 10, i FROM generate_series(1, 20) i RETURNING *) INSERT INTO c SELECT * FROM r"
INTO_BYSTANDER = "WITH r AS (INSERT INTO bystander_rows SELECT 1 RETURNING *) INSERT INTO bystander SELECT * FROM r"
admin.query(INTO_S), admin.query(INTO_C), admin.query(INTO_E), admin.query(INTO_BYSTANDER)

# what is locked, by which statement, and who needs it
for what, lock, into in [
        ("a joined table", "LOCK TABLE dim IN ACCESS EXCLUSIVE MODE", INTO_S),
        ("a joined table that is loaded anew", "TRUNCATE dim; INSERT INTO dim SELECT i, 'n' || i FROM generate_series(0, 9) i", INTO_S),
        ("a table that a function reads", "LOCK TABLE inner_dim IN ACCESS EXCLUSIVE MODE", INTO_S),
        ("the stream, by DDL", "ALTER FOREIGN TABLE s ALTER n SET DEFAULT 1", INTO_S),
        ("a stream with event time, by DDL", "ALTER FOREIGN TABLE e ALTER k SET DEFAULT 1", INTO_E)]:
    needy = connect(dsn)
    needy.query("SET weir.synchronous_insert = off; SET lock_timeout = '100ms'")
    before = Inserter(INTO_BYSTANDER)
    with connect(dsn) as holder:
        insert_first = "ALTER" in lock
        holder.query("BEGIN; " + lock)
        if insert_first:
            # no new row of it can be inserted; what is on its way needs the lock
            holder.query("ROLLBACK")
            needy.query("BEGIN; " + into)
            committer = threading.Thread(target=lambda: needy.query("COMMIT"))
            holder.query("BEGIN")
            locker = threading.Thread(target=lambda: holder.query(lock))
            locker.start()
            time.sleep(0.1)
            committer.start()
            locker.join(), committer.join()
        else:
            waiting = Inserter(into)
        time.sleep(HELD_SECONDS)
        middle = list(before.latencies)
        told = admin.value("SELECT count(*) FROM weir.health() WHERE problem = 'rows_locked' AND object IN ('public.s', 'public.e')")
        ok(told == "1", f"{what}: weir.health() tells of the stream", told)
        if not insert_first:
            ok(len(waiting.latencies) == 0, f"{what}: who needs it waits", waiting.latencies)
        holder.query("COMMIT")
    ended = before.stop() and (insert_first or waiting.stop())
    ok(ended, f"{what}: all go on when it is free")
    ok(median(middle) < 100 and len(middle) > 20, f"{what}: the bystander goes on", len(middle), median(middle), max(middle or [0]))
    needy.close()

# a table that a combine function reads: while all others wait for the merge, and in the flush
before = Inserter(INTO_BYSTANDER)
with connect(dsn) as holder:
    holder.query("BEGIN; LOCK TABLE combine_dim IN ACCESS EXCLUSIVE MODE")
    many = [Inserter("SET weir.synchronous_insert = off; " + INTO_C) for _ in range(2)]
    merging = waiting = 0
    until = time.monotonic() + HELD_SECONDS
    while time.monotonic() < until:
        merging += int(admin.value("SELECT count(*) FROM weir.health() WHERE problem = 'rows_locked' AND object = 'public.c'"))
        waiting += int(admin.value("SELECT count(*) FROM weir.views WHERE waits_since IS NOT NULL AND name = 'combined'"))
        time.sleep(0.05)
    middle = list(before.latencies)
    ok(merging > 0 and waiting > 0, "what a combine function reads: rows wait, and what is flushed is set aside", merging, waiting)
    ok(median(middle) < 100 and len(middle) > 20, "what a combine function reads: the bystander goes on", len(middle), median(middle), max(middle or [0]))
    holder.query("COMMIT")
ok(all([before.stop()] + [i.stop() for i in many]), "what a combine function reads: all go on when it is free")

# who waits for a flush that waits for him is told, be it for a lock of his own or for somebody who waits for one
admin.query("CREATE TABLE between ()")
for what, lock, into in [
        ("a table that rows need", "dim IN ACCESS EXCLUSIVE MODE", INTO_S),
        ("a matrel", "called_mrel IN SHARE MODE", INTO_S),
        ("a table that a combine function reads", "combine_dim IN ACCESS EXCLUSIVE MODE", INTO_C)]:
    for other in (False, True):
        with connect(dsn) as caller, connect(dsn) as other_holder, connect(dsn) as c:
            holder = other_holder if other else caller
            caller.query("SET weir.flush_warning = '200ms'; SET client_min_messages = error; BEGIN; LOCK TABLE between")
            if other:
                holder.query("BEGIN")
            holder.query("LOCK TABLE " + lock)
            if other:
                blocked = threading.Thread(target=lambda: holder.query("LOCK TABLE between; COMMIT"))
                blocked.start()
            c.query("SET weir.synchronous_insert = off; " + into)
            time.sleep(0.5)
            began = time.monotonic()
            try:
                caller.query("SELECT weir.flush()")
                error = None
            except Error as e:
                error = e.sqlstate
            ok(error == "40P01" and time.monotonic() - began < 10, f"weir.flush() is an error where {what} is locked by " +
               ("one who waits for its caller" if other else "its caller"), error, time.monotonic() - began)
            caller.query("ROLLBACK")
            if other:
                blocked.join()

# one transaction that has rows of both appears as a whole
with connect(dsn) as holder:
    holder.query("BEGIN; LOCK TABLE dim IN ACCESS EXCLUSIVE MODE")
    both = threading.Thread(target=lambda: connect(dsn).query(f"BEGIN; {INTO_S}; {INTO_BYSTANDER}; COMMIT"))
    both.start()
    time.sleep(0.7)
    admin.query(INTO_BYSTANDER)
    unseen = admin.value("SELECT (SELECT count(*) FROM bystander_rows) - (SELECT sum(count) FROM plain)")
    ok(unseen == "1", "a transaction with rows of both waits as a whole, what comes behind it does not", unseen)

    # many rows that wait leave room in the queue for others
    with connect(dsn) as c:
        c.query("SET weir.synchronous_insert = off")
        for _ in range(30):
            c.query("WITH r AS (INSERT INTO s_rows SELECT i % 10, i FROM generate_series(1, 5000) i RETURNING *) INSERT INTO s SELECT * FROM r")
    began = time.monotonic()
    for _ in range(20):
        admin.query(INTO_BYSTANDER)
    took = (time.monotonic() - began) * 1000 / 20
    ok(took < 100, "a queue full of rows that wait keeps nobody out", took)
    holder.query("COMMIT")
both.join()
admin.query("SELECT weir.flush()")
for view, batch in [("joined", "SELECT name, count(*), sum(n) FROM s_rows JOIN dim USING (k) GROUP BY name"),
                    ("called", "SELECT k, count(*) FROM s_rows GROUP BY k"),
                    ("combined", "SELECT k, sum(n) FROM c_rows GROUP BY k"),
                    ("minutes", "SELECT date_trunc('minute', at), count(*) FROM e_rows GROUP BY 1"),
                    ("plain", "SELECT k, count(*) FROM bystander_rows GROUP BY k")]:
    n = admin.value(f"SELECT count(*) FROM ((TABLE {view} EXCEPT ALL {batch}) UNION ALL ({batch} EXCEPT ALL TABLE {view})) d")
    ok(n == "0", f"view {view} is what its query gives", n)
ok(admin.value("SELECT count(*) FROM weir.dead_letters") == "0", "no dead letters")
ok(admin.value("SELECT count(*) FROM weir.views WHERE state <> 'active'") == "0", "no view is suspended")
