"""Hostile and careless scripts against a bystander: another stream and view in the same database.

    hostile.py DSN [short | CASE...]

Each case is run by a role without rights of its own, while a client inserts into the bystander's stream, row by row and
waiting for each.  The bystander goes on within 100 ms at the median, counts exactly, and keeps its settings and rights.
short: one case of each kind.
"""
import sys
import threading
import time

from pq import Error, connect

dsn = sys.argv[1]
wanted = sys.argv[2:]
MEDIAN_MS = 100
PERIOD = 0.005          # of the bystander's rows
SECONDS = 4 if wanted == ["short"] else 2.5   # that a case goes on after its attack; the short form runs on busy machines, too
admin = connect(dsn)


def ok(good, what, *shown):
    print("ok" if good else "not ok", what, *([] if good else shown), flush=True)


class Bystander(threading.Thread):
    """Inserts single rows, each acknowledged when the view shows it.

    One that waits keeps back those that would have come every PERIOD meanwhile: they count as having waited for the rest
    of the time (coordinated omission), so that a median says for how much of the time the bystander was well.  Unless plain."""

    def __init__(self, plain):
        super().__init__(daemon=True)
        self.c = connect(dsn)
        self.c.query("SET client_min_messages = error; SET ROLE innocent")
        self.plain, self.sent, self.latencies, self.stopping, self.error = plain, 0, [], False, None
        self.start()

    def run(self):
        try:
            while not self.stopping:
                began = time.monotonic()
                self.c.query("INSERT INTO bystander.s VALUES (1, '2026-01-01 20:00+00')")
                self.sent += 1
                waited = time.monotonic() - began
                while waited > 0:
                    self.latencies.append(waited * 1000)
                    waited -= waited if self.plain else PERIOD
                time.sleep(PERIOD)
        except Error as e:
            self.error = e


def f(body, args="x int", returns="int", language="plpgsql", extra=""):
    return f"CREATE FUNCTION f({args}) RETURNS {returns} {extra} LANGUAGE {language} AS $f$ {body} $f$;"


STREAM = "CREATE FOREIGN TABLE s (k int, x int) SERVER weir; CREATE FOREIGN TABLE s2 (k int, x int) SERVER weir;"
VIEW = "CREATE VIEW v AS SELECT k, sum(f(x)) FROM s GROUP BY k;"
INSERT = "INSERT INTO s SELECT i % 3, i % 2 FROM generate_series(1, 20) i"
MANY = "INSERT INTO s SELECT i, 1 FROM generate_series(1, 1000) i"

# name: (kind, statements of the attacker's schema, statements of the attack, each in a transaction; None: held open)
cases = {}


def case(kind, name, setup, *attack):
    cases[name] = (kind, setup, attack or (INSERT, INSERT))


for state in ["22012", "23505", "25006", "26000", "28000", "34000", "38000", "39P01", "40001", "40P01", "42501", "42P01", "42883",
              "53000", "53100", "53200", "53300", "53400", "54000", "54001", "55000", "55006", "55P02", "55P03", "57014", "57P01",
              "57P02", "57P03", "57P04", "58000", "58030", "F0000", "HV000", "P0001", "XX000", "XX001", "XX002", "WE001", "WE002", "WE003"]:
    case("raise", f"a function raises {state}", STREAM + f(
        f"BEGIN IF x = 1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END IF; RETURN x; END") + VIEW)
    if state in ("40P01", "53200", "57014", "58030", "42501", "XX000"):
        case("combine", f"a combine function raises {state}", STREAM + f(
            f"BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END", "a int, b int") +
            "CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = f);"
            "CREATE VIEW v AS SELECT k, agg(x) FROM s GROUP BY k;")

for name, value in [("search_path", "hostile"), ("TimeZone", "Asia/Tokyo"), ("DateStyle", "German"), ("statement_timeout", "1"),
                    ("lock_timeout", "1"), ("default_transaction_read_only", "on"), ("transaction_read_only", "on"),
                    ("work_mem", "64"), ("session_replication_role", "replica"), ("role", "innocent"), ("enable_seqscan", "off"),
                    ("idle_in_transaction_session_timeout", "1"), ("client_min_messages", "error"), ("log_statement", "all"),
                    ("synchronous_commit", "off"), ("max_parallel_workers_per_gather", "8"), ("row_security", "off"),
                    ("weir.synchronous_insert", "off"), ("extra_float_digits", "-5"), ("temp_file_limit", "0")]:
    case("setting", f"a function sets {name}", STREAM + f(
        f"BEGIN BEGIN PERFORM set_config('{name}', '{value}', false); EXCEPTION WHEN OTHERS THEN NULL; END; RETURN x; END") + VIEW)

for what, body in [
        ("sleeps", "BEGIN PERFORM pg_sleep(3600); RETURN x; END"),
        ("loops", "BEGIN LOOP END LOOP; END"),
        ("sleeps and takes no interruption", "BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END"),
        ("waits for a flush", "BEGIN PERFORM weir.flush(); RETURN x; END"),
        ("truncates its view", "BEGIN PERFORM weir.truncate('hostile.v'); RETURN x; END"),
        ("deactivates its view", "BEGIN PERFORM weir.deactivate('hostile.v'); RETURN x; END"),
        ("replaces its view", "BEGIN EXECUTE 'CREATE OR REPLACE VIEW hostile.v AS SELECT k, sum(hostile.f(x)), count(*) FROM hostile.s GROUP BY k'; RETURN x; END"),
        ("drops its view", "BEGIN EXECUTE 'DROP VIEW hostile.v'; RETURN x; END"),
        ("drops its stream", "BEGIN EXECUTE 'DROP FOREIGN TABLE hostile.s CASCADE'; RETURN x; END"),
        ("alters its stream", "BEGIN EXECUTE 'ALTER FOREIGN TABLE hostile.s ADD COLUMN z' || x || ' int'; RETURN x; END"),
        ("drops itself", "BEGIN EXECUTE 'DROP FUNCTION hostile.f CASCADE'; RETURN x; END"),
        ("inserts into its own stream", "BEGIN INSERT INTO hostile.s VALUES (1, 0); RETURN x; END"),
        ("inserts many rows elsewhere", "BEGIN INSERT INTO hostile.s2 SELECT i, i FROM generate_series(1, 20000) i; RETURN x; END"),
        ("notifies", "BEGIN PERFORM pg_notify('c' || i, repeat('x', 7000)) FROM generate_series(1, 50) i; RETURN x; END"),
        ("takes advisory locks", "BEGIN PERFORM pg_advisory_lock(i) FROM generate_series(1, 500) i; RETURN x; END"),
        ("ends the worker", "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN x; END"),
        ("cancels the worker", "BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); RETURN x; END"),
        ("recurses", "BEGIN RETURN hostile.f(x + 1); END"),
        ("makes large values", "BEGIN RETURN length(repeat('x', 300000000)); END"),
        ("makes temporary tables", "BEGIN EXECUTE 'CREATE TEMP TABLE t' || x || ' (i int)'; RETURN x; END"),
        ("opens cursors", "DECLARE c refcursor; BEGIN FOR i IN 1..100 LOOP OPEN c FOR SELECT 1; c := NULL; END LOOP; RETURN x; END"),
        ("writes a table", "BEGIN INSERT INTO hostile.t SELECT generate_series(1, 1000); RETURN x; END"),
        ("listens", "BEGIN EXECUTE 'LISTEN c'; RETURN x; END"),
        ("prepares", "BEGIN EXECUTE 'PREPARE p AS SELECT 1'; RETURN x; END"),
        ("raises warnings", "BEGIN FOR i IN 1..50 LOOP RAISE WARNING 'w'; END LOOP; RETURN x; END"),
        ("locks a row for update", "BEGIN PERFORM FROM hostile.t FOR UPDATE; RETURN x; END"),
        ("begins a transaction", "BEGIN COMMIT; RETURN x; END")]:
    case("code", f"a function {what}", "CREATE TABLE t (i int); INSERT INTO t VALUES (1);" + STREAM + f(body) + VIEW)
case("flood", "a large transaction rolls back, again and again", STREAM + "CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;",
     *["BEGIN; INSERT INTO s SELECT i, 1 FROM generate_series(1, 200000) i; ROLLBACK"] * 8)
case("code", "a function waits for an advisory lock", STREAM + f("BEGIN PERFORM pg_advisory_lock(77); RETURN x; END") + VIEW,
     None, "SELECT pg_advisory_lock(77)", INSERT)
case("combine", "a combine function sleeps", STREAM + f("BEGIN PERFORM pg_sleep(3600); RETURN a + b; END", "a int, b int") +
     "CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = f); CREATE VIEW v AS SELECT k, agg(x) FROM s GROUP BY k;",
     INSERT, "SELECT pg_sleep(0.1)", INSERT)
case("combine", "a combine function sleeps and takes no interruption", STREAM + f(
    "BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END", "a int, b int") +
     "CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = f); CREATE VIEW v AS SELECT k, agg(x) FROM s GROUP BY k;",
     INSERT, "SELECT pg_sleep(0.1)", INSERT)
for ms in 50, 8, 4:
    case("combine", f"a combine function takes {ms} ms for each of many groups", STREAM + f(f"BEGIN PERFORM pg_sleep({ms / 1000}); RETURN a + b; END", "a int, b int") +
         "CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = f); CREATE VIEW v AS SELECT k, agg(x) FROM s GROUP BY k;",
         MANY, "SELECT pg_sleep(0.2)", MANY)
case("combine", "a state of twenty megabytes grows", "CREATE FOREIGN TABLE s (k int, t text) SERVER weir; CREATE VIEW v AS SELECT k, string_agg(t, '') FROM s GROUP BY k;"
     "INSERT INTO s SELECT 1, (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 10000)) || i FROM generate_series(1, 60) i",
     *["INSERT INTO s VALUES (1, 'x')", "SELECT pg_sleep(0.05)"] * 40)
case("index", "a predicate of an index takes 50 ms for each of many groups", STREAM + f("BEGIN PERFORM pg_sleep(0.05); RETURN true; END", returns="bool", extra="IMMUTABLE") +
     "CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k; CREATE INDEX ON v_mrel (k) WHERE f(k);", MANY)
case("index", "an expression of an index sleeps", STREAM + f("BEGIN PERFORM pg_sleep(3600); RETURN x; END", extra="IMMUTABLE") +
     "CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k; CREATE INDEX ON v_mrel (f(k));")
case("index", "an expression of an index fails", STREAM + f("BEGIN RETURN 1 / x; END", extra="IMMUTABLE") +
     "CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k; CREATE INDEX ON v_mrel (f(k));")
case("work", "a row gives a million rows", STREAM + "CREATE VIEW v AS SELECT g, count(*) FROM s, generate_series(1, 1000000 * x) g GROUP BY g;",
     "INSERT INTO s VALUES (1, 1)")
case("code", "bad rows", STREAM + "CREATE VIEW v AS SELECT sum(1 / x) FROM s;", "INSERT INTO s SELECT 0, 0 FROM generate_series(1, 20000)")
case("code", "a materialized view without data", STREAM + "CREATE TABLE b (k int); CREATE MATERIALIZED VIEW m AS SELECT * FROM b WITH NO DATA;"
     "CREATE VIEW v AS SELECT k, count(*) FROM s JOIN m USING (k) GROUP BY k;")
case("code", "a sequence that has no value", STREAM + "CREATE SEQUENCE q; CREATE VIEW v AS SELECT k, currval('q') FROM s;")

OBJECTS = STREAM + ("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t SELECT generate_series(0, 9);"
                    "CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s JOIN t USING (k) GROUP BY k;"
                    "CREATE VIEW w WITH (sw = '1 minute') AS SELECT k, count(*) FROM s GROUP BY k;")
for what, statement in [
        ("LOCK of the matrel", "LOCK TABLE v_mrel"), ("LOCK of the table that is joined", "LOCK TABLE t"),
        ("TRUNCATE of the table that is joined", "TRUNCATE t"), ("SELECT FOR UPDATE of the view", "SELECT FROM v_mrel FOR UPDATE"),
        ("ALTER of the stream", "ALTER FOREIGN TABLE s ALTER x SET DEFAULT 1"), ("a column more in the stream", "ALTER FOREIGN TABLE s ADD z int"),
        ("DROP of the stream", "DROP FOREIGN TABLE s CASCADE"), ("DROP of the view", "DROP VIEW v"), ("RENAME of the view", "ALTER VIEW v RENAME TO v9"),
        ("a new view", "CREATE VIEW n AS SELECT count(*) FROM s"), ("REPLACE of the view", "CREATE OR REPLACE VIEW v AS SELECT k, count(*), sum(x), max(x) FROM s JOIN t USING (k) GROUP BY k"),
        ("an index on the view", "CREATE INDEX ON v (count)"), ("weir.truncate", "SELECT weir.truncate('v')"), ("weir.deactivate", "SELECT weir.deactivate('v')"),
        ("GRANT on the stream", "GRANT INSERT ON s TO innocent"), ("ALTER of the sliding view", "ALTER VIEW w RENAME TO w9"),
        ("CLUSTER-like ALTER of the matrel", "ALTER TABLE v_mrel REPLICA IDENTITY FULL"), ("COMMENT on the view", "COMMENT ON VIEW v IS 'x'"),
        ("weir.set_ttl", "SELECT weir.set_ttl('w', '1 hour', 'arrival_timestamp')")]:
    case("held", f"{what} in an open transaction", OBJECTS, "INSERT INTO s VALUES (1, 1)", None, statement, "INSERT INTO s SELECT i % 3, i FROM generate_series(1, 50) i")


def run_attack(statements):
    """Asynchronously inserted, so that who attacks does not wait himself; what follows None is held open."""
    held = []
    hold = False
    for sql in statements:
        if sql is None:
            hold = True
            continue
        c = connect(dsn)
        c.query("SET client_min_messages = error; SET ROLE mallory; SET search_path = hostile;"
                "SET weir.synchronous_insert = off; SET lock_timeout = '200ms'; SET statement_timeout = '5s'")
        try:
            c.query(("BEGIN; " if hold else "") + sql)
        except Error as e:
            if e.lost:
                raise
        if hold:
            held.append(c)
            hold = False
        else:
            c.close()
    return held


def median(values):
    return sorted(values)[len(values) // 2] if values else float("inf")


admin.query("""
CREATE ROLE mallory; CREATE ROLE innocent; CREATE SCHEMA bystander AUTHORIZATION innocent;
SET ROLE innocent;
CREATE FOREIGN TABLE bystander.s (k int, at timestamptz) SERVER weir;
CREATE VIEW bystander.v AS SELECT date_trunc('day', at) AS day, count(*), min(current_setting('search_path')) AS path FROM bystander.s GROUP BY 1;
RESET ROLE""".replace("min(current_setting('search_path')) AS path", "sum(k)"))

if wanted == ["short"]:
    chosen, kinds = [], {}
    for name, (kind, _, _) in cases.items():
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] in (1, 12):
            chosen.append(name)
else:
    chosen = [n for n in cases if not wanted or any(w in n for w in wanted)]
total = 0
bad = []
began_all = time.monotonic()
for name in chosen:
    kind, setup, attack = cases[name]
    try:
        admin.query("SET client_min_messages = error; DROP SCHEMA IF EXISTS hostile CASCADE; CREATE SCHEMA hostile AUTHORIZATION mallory; GRANT USAGE ON SCHEMA hostile TO innocent;"
                    "SET ROLE mallory; SET search_path = hostile")
        try:
            admin.query(setup)
        finally:
            admin.query("RESET ROLE; RESET search_path")
    except Error as e:
        ok(False, name, "setup", e)
        bad.append(name)
        continue
    b = Bystander(kind == "work")
    time.sleep(0.05)
    held = run_attack(attack)
    time.sleep(SECONDS)
    b.stopping = True
    for c in held:
        c.close()
    b.join(60)
    alive = b.is_alive()
    if not alive:
        b.c.close()
    total += b.sent
    m, worst = median(b.latencies), max(b.latencies or [float("inf")])
    row = admin.query("SELECT count(*), sum(count), sum(sum), min(extract(hour from day at time zone 'UTC'))::int FROM bystander.v") if not alive else None
    good = not alive and b.error is None and m < MEDIAN_MS and row[0] == ("1", str(total), str(total), "0")
    ok(good, f"{name}: the bystander goes on", f"hangs: {alive}", b.error, f"median {m:.0f} ms, worst {worst:.0f}", row, total)
    if good:
        print(f"# {name}: {len(b.latencies)} rows, median {m:.1f} ms, worst {worst:.0f} ms", flush=True)
    else:
        bad.append(name)
    if alive:
        break
rights = admin.query("SELECT count(*) FROM pg_roles WHERE rolsuper AND rolname IN ('mallory', 'innocent')")
ok(rights == [("0",)], "nobody has become superuser")
print(f"# {len(chosen)} cases, {len(bad)} bad, {time.monotonic() - began_all:.0f} s", flush=True)
