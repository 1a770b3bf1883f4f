"""Random rows in random transactions through many views; each must equal its query over a table.

    oracle.py DSN [SEED]

Every change goes to stream s and table t in the same transaction.  Prints "ok view" or "not ok view".
"""
import random
import sys
import threading

from pq import Error, connect, literal

dsn = sys.argv[1]
seed = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else str(random.randrange(10**9))
CLIENTS, ROUNDS, TRANSACTIONS = 4, 5, 30

COLUMNS = [  # name, type, how to make a value
    ("i", "int", lambda r: r.choice([r.randint(-9, 9), r.randint(-9, 9), -2**31, 2**31 - 1])),
    ("t", "text", lambda r: r.choice(["", "a", "A", "ä", "a ", "back\\slash", "tab\there", "it's",
                                      "two\nlines", "\\N", "NULL", "z" * 300, f"k{r.randint(0, 40)}"])),
    ("n", "numeric", lambda r: r.choice(["1", "1.0", "1.00", "0", "-0.0", "NaN", "1e40", "-1e-40",
                                         "-7.250", f"{r.randint(-500, 500)}.{r.randint(0, 99)}"])),
    ("f", "float8", lambda r: r.choice(["0", "-0", "NaN", "Infinity", "-Infinity", "1e300", "-1e-300",
                                        r.randint(-4, 4) / 4])),
    ("x", "float8", lambda r: r.randint(-4000, 4000) / 4),
    ("y", "real", lambda r: r.randint(-400, 400) / 4),
    ("ci", "text", lambda r: r.choice(["abc", "ABC", "aBc", "Über", "über", "x", "X", ""])),
    ("comp", "pair", lambda r: f'({r.choice(["", "1", "2"])},{r.choice(["", "a", chr(34) * 2])})'),
    ("arr", "int[]", lambda r: r.choice(["{}", "{1}", "{1,2}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}"])),
    ("big", "text", lambda r: r.choice("abcd") * 5000 + r.choice("xy") if r.random() < .2 else "short"),
    ("ts", "timestamptz", lambda r: f"2026-03-01 {r.randint(0, 1):02}:{r.randint(0, 59):02}:"
                                    f"{r.randint(0, 59):02}.{r.randint(0, 999):03}+00"),
    ("b", "bool", lambda r: r.choice("tf")),
    ("u", "bigint", lambda r: r.choice([r.randint(-10**6, 10**6), -2**63, 2**63 - 1, 0])),
    ("d", "date", lambda r: f"2026-0{r.randint(1, 3)}-01"),
    ("j", "jsonb", lambda r: r.choice(['{"a": 1}', '{"a":1.0}', '[1, 2]', 'null', '"s"'])),
    ("iv", "interval", lambda r: f"{r.randint(-3, 3)} days {r.randint(-90, 90)} minutes"),
    ("round", "int", None),
]
NAMES = [c[0] for c in COLUMNS]
TYPES = dict((c[0], c[1]) for c in COLUMNS)

VIEWS = {
    "by_int": "SELECT i, count(*), count(n) AS cn, sum(u), min(u), max(u), avg(u) FROM {} GROUP BY i",
    "by_text": "SELECT t, count(*), sum(i), min(d), max(iv) FROM {} GROUP BY t",
    "by_several": "SELECT i % 5 AS i5, b, d, count(*), sum(i) FROM {} GROUP BY i5, b, d",
    "by_many": "SELECT i, t, n, f, b, d, j, count(*) FROM {} GROUP BY i, t, n, f, b, d, j",
    "by_numeric": "SELECT n, count(*), sum(i) FROM {} GROUP BY n",
    "by_float": "SELECT f, count(*), sum(i) FROM {} GROUP BY f",
    "by_ci": "SELECT ci, count(*), sum(i) FROM {} GROUP BY ci",
    "by_composite": "SELECT comp, count(*), max(u) FROM {} GROUP BY comp",
    "by_array": "SELECT arr, count(*), max(arr) AS m FROM {} GROUP BY arr",
    "by_big": "SELECT big, t, count(*), max(big) AS m FROM {} GROUP BY big, t",
    "by_jsonb": "SELECT j, count(*) FROM {} GROUP BY j",
    "by_minute": "SELECT date_trunc('minute', ts) AS minute, count(*), sum(u), avg(n) FROM {} GROUP BY minute",
    "by_bin": "SELECT date_bin('7 min', ts, '2000-01-01') AS bin, b, count(*) FROM {} GROUP BY bin, b",
    "ungrouped": "SELECT count(*), sum(u), min(t), max(t), avg(n), bool_or(b), stddev(i) FROM {}",
    "ungrouped_where": "SELECT count(*), sum(i) FROM {} WHERE i > 100 AND i < 0",
    "distinct_rows": "SELECT DISTINCT i, b, n FROM {}",
    "append": "SELECT i, upper(t) AS t, n * 2 AS n2, comp, arr, big, j FROM {} WHERE b IS NOT TRUE",
    "filtered": "SELECT b, count(*) FILTER (WHERE i > 0) AS pos, sum(u) FILTER (WHERE t IS NOT NULL) AS s,"
                " max(t) FILTER (WHERE false) AS never FROM {} GROUP BY b",
    "having_count": "SELECT i, count(*), avg(u) FROM {} GROUP BY i HAVING count(*) > 20 AND min(u) < 0",
    "expressions": "SELECT i::bigint + 1 AS k, sum(u) * 2 + count(*) AS s, count(*)::text || ' rows' AS c,"
                   " CASE WHEN count(n) = 0 THEN 'none' ELSE max(t) END AS m FROM {} GROUP BY i::bigint + 1",
    "statistics": "SELECT d, stddev(n) AS sn, variance(i) AS vi, var_pop(u) AS vu,"
                  " round(stddev(x)::numeric, 6) AS sx, round(corr(x, y)::numeric, 6) AS c,"
                  " round(regr_slope(x, y)::numeric, 6) AS rs, round(regr_intercept(x, y)::numeric, 6) AS ri,"
                  " regr_count(x, y) AS rc, round(covar_pop(x, y)::numeric, 6) AS cp,"
                  " sum(x) AS sumx, avg(x) AS avgx, sum(y) AS sumy FROM {} GROUP BY d",
    "bits": "SELECT d, bool_and(b), bool_or(b), every(b) AS e, bit_or(i), bit_and(i), bit_xor(i) FROM {} GROUP BY d",
    "extremes": "SELECT i % 7 AS k, min(t), max(t) AS xt, min(n) AS mn, max(n) AS xn, min(f) AS mf, max(f) AS xf,"
                " min(ts) AS mts, max(d) AS xd, max(arr) AS xa, min(iv) AS miv FROM {} GROUP BY k",
    "intervals": "SELECT b, sum(iv), avg(iv) FROM {} GROUP BY b",
    "averages": "SELECT t, avg(n), sum(n), avg(i) AS ai, avg(u) AS au FROM {} GROUP BY t",
}


def make_rows(r, round_, count):
    return [[None if make and r.random() < .15 else str(make(r)) if make else str(round_)
             for _, _, make in COLUMNS] for _ in range(count)]


def values(rows, cast=False):
    return ", ".join("(" + ", ".join(literal(v) + (f"::{TYPES[n]}" if cast else "")
                                     for n, v in zip(NAMES, row)) + ")" for row in rows)


def copy_text(rows, order):
    escape = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    return "".join("\t".join("\\N" if row[c] is None else row[c].translate(escape) for c in order) + "\n"
                   for row in rows)


class Client:
    def __init__(self, number, round_):
        self.r = random.Random(f"{seed}/{number}/{round_}")
        self.round = round_
        self.c = connect(dsn)
        self.c.query(f"SET weir.synchronous_insert = {self.r.choice(['on', 'off'])}")
        self.names = ", ".join(NAMES)
        params = ", ".join(f"${i + 1}" for i in range(len(NAMES)))
        self.c.prepare("put", f"WITH x AS (INSERT INTO s ({self.names}) VALUES ({params}) RETURNING {self.names})"
                              " INSERT INTO t TABLE x")

    def rows(self, most=20):
        return make_rows(self.r, self.round, self.r.randint(1, most))

    # Ways to insert the same rows into s and t.
    def two_statements(self):
        v = values(self.rows())
        self.c.query(f"INSERT INTO s VALUES {v}")
        self.c.query(f"INSERT INTO t VALUES {v}")

    def one_string(self):
        v = values(self.rows(3))
        self.c.query(f"INSERT INTO s VALUES {v}; INSERT INTO t VALUES {v}")

    def cte(self):
        self.c.query(f"WITH r ({self.names}) AS (VALUES {values(self.rows(), cast=True)}),"
                     " x AS (INSERT INTO t TABLE r) INSERT INTO s TABLE r")

    def returning(self):
        self.c.query(f"WITH x AS (INSERT INTO s VALUES {values(self.rows())} RETURNING {self.names})"
                     " INSERT INTO t TABLE x")

    def prepared(self):
        for row in self.rows(5):
            self.c.execute("put", *row)

    def copy(self):
        rows = self.rows(200)
        order = list(range(len(NAMES)))
        self.r.shuffle(order)
        columns = ", ".join(NAMES[c] for c in order)
        for target in "st":
            self.c.copy(f"COPY {target} ({columns}) FROM STDIN", [copy_text(rows, order)])

    def trigger(self):
        self.c.query(f"INSERT INTO via_trigger VALUES {values(self.rows(5))}")

    def function(self):
        self.c.query(f"SELECT put(ROW{values(self.rows(1), cast=True)}::t)")

    def exception_block(self):
        a, b, c = (values(self.rows(5)) for _ in range(3))
        both = "INSERT INTO s VALUES {0}; INSERT INTO t VALUES {0};"
        self.c.query(f"DO $do$ BEGIN {both.format(a)}"
                     f" BEGIN {both.format(b)} PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN"
                     f" {both.format(c)} END; END $do$")

    def select_many(self):
        n = self.r.choice([1, 100, 3000])
        self.c.query(f"WITH x AS (INSERT INTO s (i, t, u, round) SELECT g % 50, 'g' || g % 9, g, {self.round}"
                     f" FROM generate_series(1, {n}) g RETURNING i, t, u, round)"
                     " INSERT INTO t (i, t, u, round) TABLE x")

    def fails(self):
        """Something that errors after rows went in."""
        v = values(self.rows())
        what = self.r.choice(["query", "copy", "copy_client"])
        if what == "query":
            self.c.query(f"INSERT INTO s VALUES {v}; INSERT INTO t VALUES {v}; SELECT 1 / 0")
        elif what == "copy":
            self.c.copy("COPY s (i, t) FROM STDIN", ["1\ta\n2\tb\nnot an int\tc\n"])
        else:
            self.c.copy("COPY s (i, t) FROM STDIN", ["1\ta\n2\tb\n"], fail="client gives up")

    WAYS = [two_statements, one_string, cte, returning, prepared, copy, trigger, function, exception_block,
            select_many]

    def some(self, depth=0):
        for _ in range(self.r.randint(0, 3)):
            if depth < 4 and self.r.random() < .4:
                name = f"sp{depth}"
                self.c.query(f"SAVEPOINT {name}")
                self.some(depth + 1)
                what = self.r.random()
                if what < .4:
                    self.c.query(f"RELEASE {name}")
                else:
                    if what > .7:
                        try:
                            self.fails()
                        except Error as e:
                            if e.sqlstate not in ("22012", "22P02", "57014"):
                                raise
                    self.c.query(f"ROLLBACK TO {name}")
            else:
                self.r.choice(self.WAYS)(self)

    def transaction(self):
        if self.r.random() < .3:    # no transaction block: only ways that are one statement
            self.r.choice([Client.cte, Client.returning, Client.one_string, Client.trigger, Client.function,
                           Client.exception_block])(self)
            return
        self.c.query(self.r.choice(["BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"]))
        if self.r.random() < .3:
            self.c.query(f"SET LOCAL weir.synchronous_insert = {self.r.choice(['on', 'off'])}")
        self.some()
        end = self.r.random()
        if end < .15:
            try:
                self.fails()
            except Error as e:
                if e.sqlstate not in ("22012", "22P02", "57014"):
                    raise
        self.c.query("ROLLBACK" if end < .3 else "COMMIT")


def client(number, round_, failures):
    try:
        c = Client(number, round_)
        for _ in range(TRANSACTIONS):
            c.transaction()
        c.c.close()
    except Exception as e:  # shown by the main thread, which must not wait for ever
        failures.append(f"client {number} in round {round_}: {e!r}")


def compare(c, view, query):
    """The first rows in which the view and the query differ."""
    return c.query(f"WITH v AS MATERIALIZED (SELECT * FROM {view}), q AS MATERIALIZED ({query}) "
                   "SELECT 'only in view', left(a::text, 300) FROM (TABLE v EXCEPT ALL TABLE q) a UNION ALL "
                   "SELECT 'only in batch', left(b::text, 300) FROM (TABLE q EXCEPT ALL TABLE v) b LIMIT 6")


def main():
    print(f"seed {seed} (WEIR_SEED={seed} repeats it)")
    c = connect(dsn)
    columns = ", ".join(f"{n} {t}{' COLLATE ci' if n == 'ci' else ''}" for n, t, _ in COLUMNS)
    c.query("CREATE TYPE pair AS (a int, b text);"
            "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            f"CREATE FOREIGN TABLE s ({columns}) SERVER weir; CREATE TABLE t ({columns});"
            "CREATE TABLE via_trigger (LIKE t);"
            "CREATE FUNCTION put(r t) RETURNS void LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO s SELECT r.*; INSERT INTO t SELECT r.*; END';"
            "CREATE FUNCTION pass_on() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO s SELECT new.*; INSERT INTO t SELECT new.*; RETURN NULL; END';"
            "CREATE TRIGGER pass_on AFTER INSERT ON via_trigger FOR EACH ROW EXECUTE FUNCTION pass_on()")
    checks = {}
    for view, query in VIEWS.items():
        try:
            c.query(f"CREATE VIEW {view} AS {query.format('s')}")
            checks[view] = query.format("t")
        except Error as e:
            print(f"not ok {view}: {e}")
    good = set(checks)
    for round_ in range(ROUNDS):
        late = f"late{round_}"
        c.query(f"CREATE VIEW {late} AS SELECT round, count(*), sum(i) FROM s GROUP BY round")
        checks[late] = f"SELECT round, count(*), sum(i) FROM t WHERE round >= {round_} GROUP BY round"
        good.add(late)
        failures = []
        threads = [threading.Thread(target=client, args=(n, round_, failures)) for n in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for f in failures:
            print(f"not ok {f}")
        if failures:
            break
        c.query("SELECT weir.flush()")
        for view, query in checks.items():
            diff = compare(c, view, query) if view in good else None
            if diff:
                good.remove(view)
                print(f"not ok {view} after round {round_}")
                for d in diff:
                    print(*d)
    for view in sorted(good):
        print(f"ok {view}")
    print(c.value("SELECT count(*) FROM t"), "rows")


main()
