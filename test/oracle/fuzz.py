"""CREATE VIEW statements that are mostly wrong: the server must answer each with a view or an error of its own.

    fuzz.py DSN [--seed N] [--seconds N] [--log FILE] [--datadir DIR] [--out DIR]

Valid statements, those of the random tester and those below, are changed: words are swapped, left out, doubled, replaced by
others; types, options, names and numbers are replaced by odd ones; parts of two statements are put together.  An internal
error (XX000) that PostgreSQL does not give for the same statement over tables, a lost connection, a statement that takes longer than ten seconds, or an alarm in the log is a failure.  What
is made is read, fed with rows, and dropped, so that views that should have been refused are found too.
"""
import argparse
import os
import random
import re
import sys
import time
from collections import Counter

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, f"{here}/../lib"]
from case import Case
from runner import TABLES
from server import Error, Server, lost
from values import PREPARE

SCHEMA = "fuzz"
STREAM = ("id int8, i int4, b int8, n numeric, f float8, t text, c char(5), ok bool, d date, ts timestamp, tz timestamptz, iv interval,"
          " u uuid, y bytea, j jsonb, arr int[], ta text[], m mood, r int4range, p pair, tv tsvector, x xml, js json")
VALID = [
    "CREATE VIEW v AS SELECT i, count(*), sum(b), avg(n), min(t) FROM s GROUP BY i",
    "CREATE VIEW v WITH (sw = '1 hour') AS SELECT i, count(*), stddev(n) FROM s GROUP BY i",
    "CREATE VIEW v WITH (sw = '1 hour', sw_column = 'tz', step_factor = 10) AS SELECT t, sum(i) FROM s GROUP BY t",
    "CREATE VIEW v AS SELECT t, count(*) FROM s WHERE tz > clock_timestamp() - interval '1 hour' GROUP BY t",
    "CREATE VIEW v WITH (ttl = '1 day', ttl_column = 'w') AS SELECT date_trunc('hour', tz) AS w, count(*) FROM s GROUP BY w",
    "CREATE VIEW v AS SELECT i, window_start, window_end, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY i, window_start, window_end",
    "CREATE VIEW v AS SELECT window_start, avg(n) FROM s, weir.hop(tz, '1 minute', '5 minutes') w GROUP BY window_start",
    "CREATE VIEW v AS SELECT i, window_start, count(*) FROM s, weir.session(ts, '1 minute') GROUP BY i, window_start, window_end",
    "CREATE VIEW v AS SELECT weir.cumulate(ts, '1 minute', '5 minutes') AS w, sum(i) FROM s GROUP BY w",
    "CREATE VIEW v WITH (emit = final) AS SELECT window_start, count(*) FROM e, weir.tumble(at, '1 minute') GROUP BY window_start",
    "CREATE VIEW v WITH (emit = final, late = divert, allowed_lateness = '1 s', retention = '1 day') AS SELECT window_end, sum(k)"
    " FROM e, weir.hop(at, '1 minute', '2 minutes') GROUP BY window_end",
    "CREATE VIEW v WITH (late = drop) AS SELECT date_bin('1 minute', at, '2000-01-01') AS m, count(*) FROM e GROUP BY m",
    "CREATE VIEW v AS SELECT j.name, count(*), count(s) FROM s LEFT JOIN d0 j ON j.k = s.i GROUP BY j.name",
    "CREATE VIEW v AS SELECT q.g, count(*) FROM (SELECT i % 3 AS g, t FROM s WHERE ok) q JOIN d1 ON d1.t = q.t GROUP BY q.g",
    "CREATE VIEW v AS WITH q AS (SELECT i, t FROM s) SELECT t, max(i) FROM q GROUP BY t HAVING count(*) > 1 ORDER BY t LIMIT 5",
    "CREATE VIEW v AS SELECT * FROM s WHERE i > 0",
    "CREATE VIEW v WITH (partition_by = 'day', partition_interval = '1 day', retention = '90 days') AS SELECT date_trunc('day', tz, 'UTC') AS day, count(*) FROM s GROUP BY day",
    "CREATE VIEW v WITH (partition_by = 'window_end', partition_interval = '1 day', retention = '9 days') AS SELECT window_end, count(DISTINCT i) FROM s, weir.hop(tz, '1 hour', '2 hours') GROUP BY 1",
    "CREATE VIEW v WITH (partition_by = 'window_start', partition_interval = '1 month') AS SELECT i, window_start, max(t) FROM s, weir.session(ts, '1 hour') GROUP BY 1, 2",
    "CREATE VIEW v WITH (sw = '1 hour', sw_column = 'at') AS SELECT k, count(*) FROM (SELECT i AS k, tz AS at FROM s UNION ALL SELECT k, at FROM e) q GROUP BY k",
    "CREATE VIEW v WITH (sw = '1 hour') AS SELECT i FROM s UNION ALL SELECT k FROM e",
    "CREATE VIEW v WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM e UNION ALL SELECT at FROM e WHERE k > 1) q, weir.tumble(at, '1 minute') GROUP BY 1",
    "CREATE VIEW v AS SELECT q.g, max(q.t) FROM (WITH w AS (SELECT k FROM d0) SELECT generate_series(1, i) AS g, t FROM s JOIN w ON w.k = i) q GROUP BY q.g",
    "CREATE VIEW v AS SELECT i, weir.first(t, id), weir.last(s, tz), weir.top_n(3, t, i), weir.keyed_max(i, t), weir.first_values(2, n) FROM s GROUP BY i",
    "CREATE VIEW v AS SELECT i, weir.combine(count), weir.combine(sum) FROM (SELECT * FROM kept) q GROUP BY i",
    "SELECT i % 2, weir.combine(count) FILTER (WHERE i > 1) OVER (ORDER BY i) FROM sliding WHERE count > 0",
    "CREATE VIEW v AS SELECT DISTINCT t, ok FROM s",
    "CREATE VIEW v AS SELECT i, rank() OVER (ORDER BY count(*)), lag(sum(b)) OVER w FROM s GROUP BY i WINDOW w AS (ORDER BY i)",
    "CREATE VIEW v AS SELECT i, count(*) FILTER (WHERE t LIKE 'a%') AS a, CASE WHEN count(*) > 2 THEN 'many' END AS m FROM s GROUP BY i",
    "CREATE VIEW v AS SELECT i, unnest(arr) AS e FROM s",
    "CREATE VIEW v AS SELECT t, string_agg(c, ',' ORDER BY i), array_agg(DISTINCT i), jsonb_object_agg(t, i) FROM s GROUP BY t",
    "CREATE VIEW v AS SELECT t, percentile_cont(0.5) WITHIN GROUP (ORDER BY f), mode() WITHIN GROUP (ORDER BY i) FROM s GROUP BY t",
    "CREATE VIEW v AS SELECT i, t, grouping(i, t), count(*) FROM s GROUP BY ROLLUP (i, t)",
    "CREATE VIEW v AS SELECT k, count(*) FROM (SELECT i AS k FROM s UNION ALL SELECT k FROM e) q GROUP BY k",
    "CREATE VIEW v AS SELECT count(*) FROM s WHERE EXISTS (SELECT FROM d0 WHERE d0.k = s.i) AND t NOT IN (SELECT t FROM d1 WHERE t IS NOT NULL)",
    "CREATE OR REPLACE VIEW kept AS SELECT i, count(*), sum(b) FROM s GROUP BY i",
    "CREATE VIEW v WITH (sw = '10 minutes') AS SELECT i, count FROM sliding",
    "CREATE VIEW v (a, b) WITH (fillfactor = 70, security_barrier) AS SELECT i, count(*) FROM s GROUP BY i",
    "CREATE RECURSIVE VIEW v (n) AS SELECT i FROM s UNION ALL SELECT n + 1 FROM v",
    "CREATE TEMP VIEW v AS SELECT i FROM s",
    "CREATE MATERIALIZED VIEW v AS SELECT i FROM s",
    "CREATE VIEW v AS SELECT i, count FROM kept WHERE i > (SELECT avg(k) FROM d0)",
    "ALTER VIEW kept SET (fillfactor = 50)", "ALTER VIEW kept RENAME TO v", "ALTER VIEW kept ALTER COLUMN i SET DEFAULT 1",
    "CREATE INDEX ON kept (count)", "COMMENT ON VIEW kept IS 'x'", "SELECT weir.set_ttl('kept', '1 day', 'i')",
    "SELECT weir.truncate('kept')", "SELECT weir.deactivate('kept')", "SELECT weir.activate('kept')", "SELECT weir.ttl_expire('sliding')",
    "ALTER FOREIGN TABLE s ADD COLUMN z int", "ALTER FOREIGN TABLE e OPTIONS (SET event_time 'k')", "ALTER TABLE kept_mrel DROP COLUMN count",
    "INSERT INTO s (i, t) SELECT i, 'x' FROM kept", "INSERT INTO kept VALUES (1, 2)", "EXPLAIN SELECT * FROM kept JOIN sliding USING (i)",
    "CREATE FOREIGN TABLE v (k int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '5 s', max_future 'none')",
]
WORDS = """SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET DISTINCT ALL AS WITH RECURSIVE MATERIALIZED UNION INTERSECT EXCEPT JOIN LEFT
RIGHT FULL CROSS NATURAL LATERAL ON USING VALUES ROW ARRAY CASE WHEN THEN ELSE END NULL NOT AND OR IN EXISTS ANY BETWEEN LIKE IS OVER PARTITION
FILTER WITHIN ROLLUP CUBE GROUPING SETS ( ) , . ; * + - / % = <> < > :: [ ] ' " $1 FOR UPDATE TABLESAMPLE ONLY FETCH TIES CAST COLLATE "C" OPERATOR
INTERVAL true false DEFAULT CURRENT_TIMESTAMP now() random() clock_timestamp() TABLE LIMIT ORDINALITY ROWS WINDOW VARIADIC
count sum avg min max array_agg string_agg stddev rank row_number percentile_cont mode json_agg jsonb_agg xmlagg corr bool_or bit_and
regr_slope range_agg hypothetical count(*) sum(i) avg(n) max(t) count(DISTINCT i) sum(sum(i)) rank() generate_series(1,3) unnest(arr) pg_sleep(0)
weir.tumble weir.hop weir.cumulate weir.session weir.combine weir.finalize weir.state weir.clock() weir.on_time(now()) weir.time_bucket weir.bucket_end
weir.hash_key weir.add weir.average weir.session_start
s s.* s.i s.t s.tableoid s.ctid ctid xmin arrival_timestamp e e.at e.k d0 d1 dv kept sliding kept_mrel v v_mrel pg_class nosuch
i b n f t c ok d ts tz iv u y j arr ta m r p tv x js id window_start window_end k at name""".split()
NAMES = """i b n f t c ok d ts tz iv u y j arr ta m r p tv x js id at k s e d0 d1 dv kept sliding count sum avg min max stddev array_agg string_agg
mode percentile_disc rank count bool_or corr every jsonb_agg lower abs unnest tumble hop cumulate session window_start window_end""".split()
ODD = {
    "number": ["0", "-1", "1", "2147483648", "9223372036854775808", "1e400", "NULL", "''", "'x'", "0.0", "99999999999999999999999999"],
    "text": ["''", "NULL", "'a'", "'-1 hour'", "'1 day 2 hours'", "'infinity'", "'1000000 years'", "'0'", "'1 us'", "'now'", "U&'\\0061'", "E'\\n'",
             "'" + "x" * 2000 + "'", "B'101'", "'Europe/Berlin'", "'{1,2}'", "'1 month'", "'2000-01-01'"],
    "name": ['""', '" "', '"' + "n" * 63 + '"', '"' + "ä" * 60 + '"', '"a""b"', '"SELECT"', '"v_mrel"', '"%s"', '"$1"', '"new"', '"old"', "pg_catalog.v",
             "weir.v", "nosuch.v", "pg_temp.v", '"v.w"', "public.v", "_", "kept", "s"],
    "type": ["int2", "int8", "numeric(1000,1000)", "text", "json", "xml", "record", "anyelement", "void", "internal", "cstring", "regclass", "mood", "word",
             "pair", "int4range", "int4multirange", "weir.state", "weir.time_window", "point", "tsvector", "bit(3)", "bool", "interval", "unknown", "oid", "name",
             "bytea", "timestamptz", "date", "d0", "s", "kept_mrel"],
    "option": ["sw", "sw_column", "step_factor", "ttl", "ttl_column", "pk", "fillfactor", "outputfunc", "action", "emit", "late", "allowed_lateness", "retention",
               "partition_by", "partition_interval", "tablespace", "late_stream", "security_barrier", "security_invoker", "check_option", "weir.sw", "toast.fillfactor"],
    "value": ["'1 hour'", "1", "0", "-5", "''", "true", "'x'", "1e10", "'i'", "'tz'", "final", "drop", "divert", "update", "transform", "'pg_default'", "'1 month'", "at", "50"],
}
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+(?:\.\w+)*|::|[^\w\s]")


class Fuzzer:
    def __init__(self, r):
        self.r = r
        self.valid = list(VALID)

    def statement(self):
        r = self.r
        if r.random() < .02:
            # fresh ones over two streams of other names
            case = Case(r.randrange(10**9))
            wide = "(SELECT *, " + ", ".join(f"{c} AS c{n}" for n, c in enumerate("i t n f ok ts tz j arr d b u".split())) + " FROM s)"
            for v in case.views:
                self.valid.append("CREATE VIEW v AS " + re.sub("@s[0-9]@", wide, v.query.sql()))
            del self.valid[len(VALID):-60]
        tokens = TOKEN.findall(r.choice(self.valid if r.random() < .5 else VALID))
        for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3, 5])):
            tokens = self.change(tokens)
        return " ".join(tokens)

    def change(self, tokens):
        r, t = self.r, list(tokens)
        if len(t) < 4:
            return t
        n, m = r.randrange(2, len(t)), r.randrange(2, len(t))
        # most leave the grammar whole, so that it is not only the parser that answers
        how = r.choice([5, 5, 6, 6, 6, 6, 7, 8, 8, 10, 10, 10, 11, 11, 11] if r.random() < .8 else range(13))
        if how == 0:
            t[n], t[m] = t[m], t[n]
        elif how == 1:
            del t[n]
        elif how == 2:
            t.insert(n, t[n])
        elif how == 3:
            t[n] = r.choice(WORDS)
        elif how == 4:
            t.insert(n, r.choice(WORDS))
        elif how == 5:
            self.like(t, lambda x: x.isdigit() or x.startswith("'"), ODD["number"] + ODD["text"])
        elif how == 6:
            self.like(t, lambda x: re.fullmatch(r"[a-z]\w*", x), r.choice([ODD["name"], WORDS, NAMES, NAMES, NAMES]))
        elif how == 7:
            t[n:n] = ["::", r.choice(ODD["type"])]
        elif how == 8:
            options = ", ".join(f"{r.choice(ODD['option'])} = {r.choice(ODD['value'])}" for _ in range(r.randint(1, 3)))
            at = next((k for k, x in enumerate(t) if x == "AS"), None)
            if at:
                t[at:at] = [f"WITH ( {options} )"]
        elif how == 9:
            # a part of another statement
            other = TOKEN.findall(r.choice(self.valid))
            a = r.randrange(len(other))
            t[n:n + r.randint(0, 4)] = other[a:a + r.randint(1, 12)]
        elif how == 10:
            # around an expression
            f = r.choice(["sum", "count", "min", "array_agg", "coalesce", "abs", "lower", "row_to_json", "pg_typeof", "weir.finalize", "unnest", "count(DISTINCT", "first_value",
                          "(SELECT max", "EXISTS", "ARRAY", "ROW"])
            t[n:n + 1] = [f"{f}(" + t[n] + ")" * (1 + f.count("("))]
        elif how == 11:
            at = [k for k, x in enumerate(t) if x in ("SELECT", ",")]
            if at:
                k = r.choice(at) + 1
                t[k:k] = [r.choice(["s", "s.*", "s.i", "i", "count(*)", "sum(i)", "ROW(s.*)", "(s).t", "NULL", "1", "(SELECT 1)", "random()", "s.tableoid",
                                    "rank() OVER ()", "sum(sum(i)) OVER ()", "grouping(i)", "array_agg(i)", "count(DISTINCT t)", "'x'", "weir.clock()"]), ","]
        else:
            m = min(len(t), n + r.randint(1, 8))
            part = t[n:m]
            t = t[:n] + ["("] + part + [")"] + t[m:] if r.random() < .5 else t[:m] + part + t[m:]
        return t

    def like(self, tokens, test, instead):
        places = [k for k, x in enumerate(tokens) if k > 1 and test(x)]
        if places:
            tokens[self.r.choice(places)] = self.r.choice(instead)


def set_up(c):
    c.query("SET client_min_messages = error")
    c.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    c.query(f"CREATE SCHEMA {SCHEMA}")
    begin(c)
    for sql in PREPARE + TABLES:
        c.query(sql)
    c.query(f"CREATE FOREIGN TABLE s ({STREAM}) SERVER weir")
    c.query("CREATE FOREIGN TABLE e (k int, at timestamptz) SERVER weir OPTIONS (event_time 'at')")
    c.query("CREATE VIEW kept AS SELECT i, count(*) FROM s GROUP BY i")
    c.query("CREATE VIEW sliding WITH (sw = '1 hour') AS SELECT i, count(*) FROM s GROUP BY i")


def stock(c, sql, error):
    """Does PostgreSQL itself give this error, where the streams are tables?"""
    try:
        c.query(f"BEGIN; CREATE SCHEMA plain; SET LOCAL search_path = plain, {SCHEMA};"
                f"CREATE TABLE s ({STREAM}, arrival_timestamp timestamptz); CREATE TABLE e (k int, at timestamptz, arrival_timestamp timestamptz)")
        c.query(sql)
    except Error as e:
        return not lost(e) and str(e).split("\n")[0] == str(error).split("\n")[0]
    finally:
        c.query("ROLLBACK")
    return False


def begin(c):
    c.query(f"SET search_path = {SCHEMA}; SET client_min_messages = error; SET statement_timeout = '10s'; SET weir.synchronous_insert = on")


ROWS = ["INSERT INTO s (id, i, b, n, f, t, ok, ts, tz, j, arr, d) SELECT g, g % 3, g, g / 7.0, g, 'k' || g % 4, g % 2 = 0, '2026-03-01'::timestamp + g * interval '20 s',"
        " clock_timestamp() - g * interval '1 min', '{\"a\": 1}', ARRAY[g, 1], '2026-03-01' FROM generate_series(1, 9) g",
        "INSERT INTO s (id) VALUES (10)",
        "INSERT INTO e SELECT g, clock_timestamp() - g * interval '1 min' FROM generate_series(1, 5) g"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dsn")
    p.add_argument("--seed", default="")
    p.add_argument("--seconds", type=float, default=600)
    p.add_argument("--datadir", default="")
    p.add_argument("--log", default="")
    p.add_argument("--out", default="")
    args = p.parse_args()
    seed = int(args.seed or random.randrange(10**9))
    print(f"seed {seed}", flush=True)
    server = Server(args.dsn, args.datadir, args.log)
    fuzzer = Fuzzer(random.Random(seed))
    c = server.connect()
    set_up(c)
    results, refused, done, made, failures = Counter(), Counter(), 0, 0, 0
    started = time.monotonic()
    last, known = [], set()

    def failure(what):
        nonlocal failures
        failures += 1
        print(f"not ok {what}\nafter:", *last[-1:], sep="\n", flush=True)
        if args.out:
            with open(f"{args.out}/fuzz{seed}.{failures}.sql", "w") as f:
                f.write(";\n".join(last) + ";\n")

    def look_at_log():
        for alarm in [a for a in server.alarms(False) if not any(k in a for k in known)][:3]:
            failure(f"in the log: {alarm}")

    while time.monotonic() - started < args.seconds and failures < 5:
        sql = fuzzer.statement()
        last.append(sql)
        del last[:-30]
        done += 1
        try:
            begun = time.monotonic()
            c.query("BEGIN")
            made_one = committed = False
            try:
                c.query(sql)
                results["done"] += 1
                made_one = True
            except Error as e:
                if lost(e):
                    raise
                results[e.sqlstate] += 1
                if e.sqlstate.startswith("XX"):
                    c.query("ROLLBACK")
                    if stock(c, sql, e):
                        results["XX000 of PostgreSQL itself"] += 1
                        known.add(str(e).split("ERROR:  ")[1].split("\n")[0])
                    else:
                        failure(str(e))
                if e.sqlstate == "0A000":
                    refused[str(e).split("\n")[0][:90]] += 1
            if time.monotonic() - begun > 9:
                failure(f"took {time.monotonic() - begun:.1f} s")
            # most are undone; some are kept for a while, with rows
            if c.in_transaction:
                committed = made_one and fuzzer.r.random() < .3
                c.query("COMMIT" if committed else "ROLLBACK")
            if committed:
                made += 1
                for sql in ROWS + ["SELECT weir.flush()", "TABLE v", "SELECT pg_get_viewdef('v')"]:
                    try:
                        c.query(sql)
                    except Error as e:
                        if lost(e) or e.sqlstate.startswith("XX"):
                            last.append(sql)
                            raise
                set_up(c)
        except Error as e:
            failure(str(e))
            c.close()
            c = server.connect()
            set_up(c)
        if done % 50 == 0:
            look_at_log()
    look_at_log()
    c.close()
    with server.connect() as c:
        c.query("SET client_min_messages = error")
        c.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    print(f"{done} statements, {made} fed with rows; by SQLSTATE:", *(f"{k} {n}" for k, n in results.most_common(12)))
    for message, n in refused.most_common(40):
        print(f"refused: {n} {message}")
    if results["done"] < done / 50:
        print("not ok hardly any statement is valid")
    if not failures:
        print(f"ok {done} statements in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
