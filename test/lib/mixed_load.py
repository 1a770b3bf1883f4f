"""A load of many kinds, and what the views must show of it.

Clients write transactions into stream s: single rows, COPY, large ones, some rolled back, some that do not wait.  A ledger
knows of each what was sent and what the server said.  The rows follow from the ledger, so that check() can compare each
view with a batch query over exactly the transactions that count.
"""
import random
import threading
import time

from pq import Error, connect, connect_when_up

# Of row i of transaction n of client c, begun at base (ms): in SQL, and the same in values().
ROWS = """SELECT {c} AS c, {n} AS n, i, ({n} * 31 + i * 7) % 97 AS k, ({n} * 1009 + i * 13) % 10007 AS x,
    timestamptz 'epoch' + ({base} + i % 100 * 10) * interval '1 millisecond' AS ts, 'word ' || ({n} + i) % 211 AS t
    FROM generate_series(1, {rows}) i"""
COLUMNS = "c int, n int, i int, k int, x int, ts timestamptz, t text"
GAP = "500 milliseconds"
TUMBLE = "SELECT k % 5 AS a, window_start, window_end, count(*), sum(x) FROM {s} s, weir.tumble(ts, '2 seconds') GROUP BY 1, 2, 3"
# name: (options, query over {s}).  Diverting views are compared without the rows that were late for them.
VIEWS = {
    "by_row": ("", "SELECT c, n, i, count(*), sum(x) FROM {s} s GROUP BY c, n, i"),
    "every": ("", "SELECT c, n, i, x FROM {s} s"),
    "all_in_one": ("", "SELECT count(*), sum(x), min(t) FROM {s} s"),
    "by_k": ("", "SELECT k, count(*), sum(x), avg(x), min(ts), max(ts), stddev(x) FROM {s} s GROUP BY k"),
    "by_t": ("", "SELECT t, count(*), count(DISTINCT x) AS xs, array_agg(DISTINCT k ORDER BY k) FROM {s} s GROUP BY t"),
    "median": ("", "SELECT k % 10 AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY x), count(DISTINCT i) AS ids FROM {s} s GROUP BY d"),
    "joined": ("", "SELECT name, count(*), sum(x) FROM {s} s JOIN dim USING (k) GROUP BY name"),
    "in_parts": ("WITH (partition_by = 'minute', partition_interval = '1 minute')",
                 "SELECT date_trunc('minute', ts) AS minute, k % 7 AS a, count(*), count(DISTINCT x) AS xs FROM {s} s GROUP BY 1, 2"),
    "sliding": ("WITH (sw = '1 day', sw_column = 'ts')", "SELECT k, count(*), sum(x) FROM {s} s GROUP BY k"),
    "tumbling": ("", TUMBLE),
    "hopping": ("", "SELECT k % 5 AS a, window_start, window_end, count(*), max(x) FROM {s} s, weir.hop(ts, '2 seconds', '10 seconds')"
                    " GROUP BY 1, 2, 3"),
    "sessions": ("", f"SELECT c, window_start, window_end, count(*), sum(x) FROM {{s}} s, weir.session(ts, '{GAP}') GROUP BY 1, 2, 3"),
    "final": ("WITH (emit = final, late = divert)", TUMBLE),
    "in_time": ("WITH (late = divert, allowed_lateness = '1 second')", TUMBLE),
}
SESSIONS = f"""SELECT c, min(ts), max(ts) + '{GAP}'::interval, count(*), sum(x) FROM (
    SELECT *, sum(opens) OVER (PARTITION BY c ORDER BY ts, n, i) AS session FROM (
    SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY c ORDER BY ts, n, i) < '{GAP}'::interval THEN 0 ELSE 1 END AS opens
    FROM {{s}} s) a) b GROUP BY c, session"""
# Keys whose count lies outside of what the window may have now: between 30 seconds and a step more.
RECENT = "SELECT k, count(*) FROM {s} s WHERE ts > weir.clock() - interval '%s' GROUP BY k"


def create(c):
    c.query(f"""CREATE FOREIGN TABLE s ({COLUMNS}) SERVER weir OPTIONS (event_time 'ts', watermark '10 seconds');
        CREATE FOREIGN TABLE other (x int) SERVER weir;
        CREATE TABLE marks (c int, n int);
        CREATE TABLE dim (k int PRIMARY KEY, name text);
        INSERT INTO dim SELECT k, 'name ' || k % 13 FROM generate_series(0, 90) k;
        CREATE SCHEMA bystander;
        CREATE FOREIGN TABLE bystander.s (x int) SERVER weir;
        CREATE VIEW bystander.v AS SELECT count(*) FROM bystander.s;
        CREATE VIEW transactions AS SELECT c, n, count(*) FROM s GROUP BY c, n;
        CREATE VIEW recent AS SELECT k, count(*) FROM s WHERE ts > weir.clock() - interval '30 seconds' GROUP BY k""")
    for name, (options, query) in VIEWS.items():
        c.query(f"CREATE VIEW {name} {options} AS {query.format(s='s')}")


class Transaction:
    """said: 'committed', 'aborted', None (on its way, or the connection was lost).  found: rows that a check saw of it for good."""
    __slots__ = "c", "n", "rows", "base", "waits", "marked", "said", "found"

    def __init__(self, c, n, rows, waits=True, marked=False):
        self.c, self.n, self.rows, self.base = c, n, rows, int(time.time() * 1000)
        self.waits, self.marked, self.said, self.found = waits, marked, None, None

    def select(self):
        return ROWS.format(c=self.c, n=self.n, base=self.base, rows=self.rows)

    def values(self):
        n = self.n
        for i in range(1, self.rows + 1):
            ms = self.base + i % 100 * 10
            ts = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000))
            yield f"{self.c}\t{n}\t{i}\t{(n * 31 + i * 7) % 97}\t{(n * 1009 + i * 13) % 10007}\t{ts}.{ms % 1000:03}+00\tword {(n + i) % 211}\n"


class Client(threading.Thread):
    """tolerated: classes of SQLSTATEs that a fault brings, beside a lost connection; 57P: the server goes."""

    def __init__(self, load, number, kind):
        super().__init__(daemon=True)
        self.load, self.number, self.kind, self.n = load, number, kind, 0
        self.r = random.Random(f"{load.seed}/{number}")
        self.committed, self.error, self.idle, self.done = 0, None, threading.Event(), []
        self.start()

    def run(self):
        while not self.load.ended:
            try:
                with connect(self.load.dsn) as c:
                    c.query("SET weir.insert_buffer = '64kB'")
                    while not self.load.ended:
                        if self.load.paused.is_set():
                            self.idle.set()
                        if self.load.paused.is_set() or self.load.resting:
                            time.sleep(0.02)
                            continue
                        self.idle.clear()
                        getattr(self, self.kind)(c)
            except Error as e:
                if not self.load.tolerates(e):
                    self.error = f"{self.kind}: {e}"
                    return
                time.sleep(0.05)
            except Exception as e:      # the test's own
                self.error = f"{self.kind}: {e!r}"
                raise

    def transaction(self, c, rows, body, rollback=False, **options):
        """Do body, whose statements are one transaction."""
        self.n += 1
        t = Transaction(self.number, self.n, rows, **options)
        self.load.ledger.append(t)
        try:
            body(t)
        except Error as e:
            if not e.lost and not e.sqlstate.startswith("57P"):
                t.said = "aborted"
                if c.in_transaction:
                    c.query("ROLLBACK")
            raise
        t.said = "aborted" if rollback else "committed"
        self.committed += not rollback
        time.sleep(self.load.pause)

    def single(self, c):
        end = self.r.choice(["COMMIT"] * 9 + ["ROLLBACK"])
        undone = self.r.choice(["", "SAVEPOINT a; INSERT INTO s (c, n, i) VALUES (-1, 1, 1); ROLLBACK TO a;"])
        self.transaction(c, self.r.choice([1, 1, 10]), lambda t: c.query(
            f"BEGIN; INSERT INTO s {t.select()}; {undone} {end}"), rollback=end == "ROLLBACK")

    def marked(self, c):
        self.transaction(c, 3, lambda t: c.query(
            f"BEGIN; INSERT INTO marks VALUES ({t.c}, {t.n}); INSERT INTO s {t.select()}; COMMIT"), marked=True)

    def not_waiting(self, c):
        c.query("SET weir.synchronous_insert = off")
        self.transaction(c, self.r.choice([1, 20, 500]), lambda t: c.query(f"INSERT INTO s {t.select()}"), waits=False)

    def copy(self, c):
        fail = "given up" if self.r.random() < 0.1 else None
        try:
            self.transaction(c, self.r.choice([100, min(self.load.largest, 3000)]), lambda t: c.copy("COPY s FROM STDIN", t.values(), fail))
        except Error as e:
            if not (fail and e.sqlstate == "57014"):
                raise

    def large(self, c):
        """More than a transaction keeps in memory: a worker takes the rows, or they go into a file where there is a transaction id."""
        end = self.r.choice(["COMMIT", "COMMIT", "ROLLBACK"])
        first = self.r.choice(["", "CREATE TEMP TABLE has_xid () ON COMMIT DROP;"])
        self.transaction(c, self.r.choice([self.load.largest // d for d in (8, 2, 1)]), lambda t: c.query(
            f"BEGIN; {first} INSERT INTO s {t.select()}; {end}"), rollback=end == "ROLLBACK")
        time.sleep(self.load.pause * 5)

    def bystander(self, c):
        self.n += 1
        began = time.monotonic()
        c.query("INSERT INTO bystander.s VALUES (1)")
        self.committed += 1
        self.done.append((began, time.monotonic()))
        time.sleep(0.02)

    def ddl(self, c):
        """Views and columns come and go."""
        c.query("SET client_min_messages = error; DROP VIEW IF EXISTS passing, passing_too; ALTER FOREIGN TABLE other DROP COLUMN IF EXISTS z")
        for sql in ["CREATE VIEW passing AS SELECT k, count(*) FROM s GROUP BY k",
                    "CREATE OR REPLACE VIEW passing AS SELECT k, count(*), sum(x), max(t) FROM s GROUP BY k",
                    "ALTER VIEW passing RENAME TO passing_too",
                    "CREATE VIEW passing AS SELECT count(*) FROM other",
                    "ALTER FOREIGN TABLE other ADD COLUMN z int", "INSERT INTO other VALUES (1)",
                    "ALTER FOREIGN TABLE other DROP COLUMN z",
                    "CREATE INDEX passing_index ON by_k (count); DROP INDEX passing_index",
                    "SELECT weir.truncate('passing_too')", "VACUUM by_k_mrel", "ANALYZE tumbling_mrel"]:
            c.query(sql)
            time.sleep(self.load.pause / 4)
        self.committed += 1


class Load:
    KINDS = ["single", "single", "marked", "not_waiting", "copy", "large", "bystander", "ddl"]

    def __init__(self, dsn, seed, largest=60000, pause=0.02):
        self.dsn, self.seed, self.largest, self.pause = dsn, seed, largest, pause
        self.ledger, self.ended, self.paused, self.tolerated = [], False, threading.Event(), ()
        self.resting = False            # while views are compared, for speed
        self.counted_rows = self.forgotten = 0
        self.clients = [Client(self, i + 1, kind) for i, kind in enumerate(self.KINDS)]
        self.bystander = next(c for c in self.clients if c.kind == "bystander")

    def tolerates(self, e):
        # A client that gives up its COPY is told so with 57014; whoever creates an object may find it there after a crash.
        return e.lost or e.sqlstate.startswith(("57P",) + tuple(self.tolerated))

    def errors(self):
        return [c.error for c in self.clients if c.error]

    def progress(self, seconds=60):
        """Does everyone get on?  The kinds that do not, or None."""
        before = [c.committed for c in self.clients]
        deadline = time.monotonic() + seconds
        while True:
            stuck = [c.kind for c, b in zip(self.clients, before) if c.committed == b]
            if not stuck or self.errors():
                return self.errors() or None
            if time.monotonic() > deadline:
                return stuck
            time.sleep(0.02)

    def pause_all(self, seconds=90):
        """Returns the kinds that hang."""
        self.paused.set()
        deadline = time.monotonic() + seconds
        return self.errors() or [c.kind for c in self.clients if not c.idle.wait(max(deadline - time.monotonic(), 0))]

    def who_waits(self):
        """For whom it stands still: what the server says of itself."""
        with connect_when_up(self.dsn) as c:
            for sql in ["SELECT pid, backend_type, state, wait_event_type, wait_event, pg_blocking_pids(pid), left(query, 60)"
                        " FROM pg_stat_activity WHERE backend_type LIKE 'weir%' OR state <> 'idle'",
                        "SELECT * FROM weir.health()", "SELECT * FROM weir.stat_memory", "SELECT * FROM weir.stat_worker"]:
                for row in c.query(sql):
                    print("  ", *row)

    def end(self):
        self.ended = True
        for c in self.clients:
            c.join(60)
            if c.is_alive():
                c.error = c.error or f"{c.kind} hangs"

    def acknowledged(self):
        """What the server has said so far."""
        return {id(t) for t in self.ledger if t.said == "committed"}, self.bystander.committed

    def check(self, dsn=None, before=None, lossy=False, more=()):
        """What is wrong, as texts.

        before: acknowledged() from before a copy was taken that dsn leads to; what came later counts there or not.
        lossy: the server has crashed since the last check, so what nobody waited for may be gone.  more: further checks.
        """
        acknowledged, bystander = before or self.acknowledged()
        with connect_when_up(dsn or self.dsn) as c:
            c.query("SET statement_timeout = '300s'; SET work_mem = '128MB'; SET jit = off; SET client_min_messages = error")
            c.query("SELECT weir.flush()")
            c.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
            seen = {(int(a), int(b)): int(n) for a, b, n in c.query("SELECT * FROM transactions")}
            ledger = self.ledger[:]         # after the snapshot: whatever counts in it is there
            self.resting = True
            wrong = self._judge(dict(seen), ledger, acknowledged, lossy, copy=before is not None)
            if not bystander <= (n := int(c.value("SELECT count FROM bystander.v"))) <= self.bystander.n:
                wrong.append(f"{n} rows of the bystander, of {bystander} acknowledged")
            wrong += self._compare(c, [t for t in ledger if seen.get((t.c, t.n))], more)
            c.query("ROLLBACK")
        self.resting = False
        return wrong

    def _judge(self, seen, ledger, acknowledged, lossy, copy):
        """Each transaction as a whole or not at all, as it was said; what is settled stays so."""
        wrong = []
        for t in ledger:
            n = seen.pop((t.c, t.n), 0)
            what = f"{self.clients[t.c - 1].kind} ({t.c}, {t.n}) of {t.rows} rows, {t.said or 'unknown'}: {n} count"
            if n not in (0, t.rows):
                wrong.append(what + ", in part")
            elif t.said == "aborted" and n:
                wrong.append(what)
            elif id(t) in acknowledged and not n and t.found != 0 and not (not t.waits and (lossy or copy)):
                wrong.append(what)
            elif not copy and t.found is not None and t.found != n:
                wrong.append(what + f", {t.found} before")
            if not copy and (id(t) in acknowledged or n):
                t.found = n
        wrong += [f"rows of {key}, which nobody sent: {n}" for key, n in seen.items()]
        return wrong[:10]

    def _compare(self, c, counted, more):
        """Every view against batch over the rows of these transactions."""
        wrong = []
        self.counted_rows = sum(t.rows for t in counted)
        c.query("CREATE TEMP TABLE counted (c int, n int, rows int, base bigint)")
        c.copy("COPY counted FROM STDIN", [f"{t.c}\t{t.n}\t{t.rows}\t{t.base}\n" for t in counted])
        rows = ROWS.format(c="l.c", n="l.n", base="l.base", rows="l.rows")
        c.query(f"CREATE TEMP TABLE batch AS SELECT r.* FROM counted l, LATERAL ({rows}) r; ANALYZE batch")
        c.query("""CREATE TEMP TABLE late AS SELECT view::text AS v, r.* FROM weir.late_rows,
            LATERAL jsonb_to_record("row"::jsonb) r (c int, n int, i int)""")
        c.query("ANALYZE late")

        def none(what, sql):
            n = c.value(f"SELECT count(*) FROM ({sql}) x")
            if n != "0":
                wrong.append(f"{n} {what}: " + " ".join(x for (x,) in c.query(f"SELECT left(x::text, 100) FROM ({sql}) x ORDER BY 1 LIMIT 3")))

        none("late rows of nothing that counts", "SELECT c, n, i FROM late EXCEPT SELECT c, n, i FROM batch")
        none("rows late twice", "SELECT v, c, n, i FROM late GROUP BY 1, 2, 3, 4 HAVING count(*) > 1")
        for name, (options, query) in VIEWS.items():
            source = "batch"
            if "divert" in options:
                source = f"(SELECT * FROM batch b WHERE NOT EXISTS (SELECT FROM late l WHERE v = '{name}' AND (l.c, l.n, l.i) = (b.c, b.n, b.i)))"
            right = (SESSIONS if name == "sessions" else query).format(s=source)
            if "final" in options:
                right = f"SELECT * FROM ({right}) q WHERE window_end <= weir.watermark('s')"
            none(f"rows of {name}, how often more in the view than in batch",
                 f"SELECT row, sum(n) FROM (SELECT v::text AS row, 1 AS n FROM {name} v UNION ALL SELECT q::text, -1 FROM ({right}) q) u"
                 " GROUP BY row HAVING sum(n) <> 0")
        none("keys of recent with a wrong count", f"SELECT r.*, least.count, most.count AS most FROM ({RECENT % '29 seconds'}) least"
             .format(s="batch") + f" FULL JOIN recent r USING (k) FULL JOIN ({RECENT % '40 seconds'}) most USING (k)".format(s="batch") +
             " WHERE coalesce(r.count, 0) < coalesce(least.count, 0) OR coalesce(r.count, 0) > coalesce(most.count, 0)")
        marked = self.KINDS.index("marked") + 1
        none("counted without its mark", f"SELECT c, n FROM counted WHERE c = {marked} EXCEPT SELECT c, n FROM marks")
        none("dead letters", "SELECT view, message FROM weir.dead_letters")
        none("views that are not active", "SELECT name, state FROM weir.views WHERE state <> 'active'")
        for what, sql in more:
            none(what, sql)
        return wrong

    def forget(self):
        """Empty the views, so that checks stay quick."""
        if stuck := self.pause_all():
            return [f"clients hang: {stuck}"]
        with connect_when_up(self.dsn) as c:
            c.query("SET client_min_messages = error")
            c.query("SELECT weir.flush()")
            for name in ["transactions", "recent", *VIEWS]:
                c.query(f"SELECT weir.truncate('{name}')")
            c.query("DELETE FROM weir.late_rows; DELETE FROM marks")
        self.forgotten, self.counted_rows = self.forgotten + self.counted_rows, 0
        self.ledger.clear()
        for client in self.clients:
            client.idle.clear()
        self.paused.clear()
        return []
