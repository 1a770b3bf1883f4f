"""Runs a case: streams and views beside ordinary tables with the same rows, then compares.

Every stream has a table b_<stream> that gets its rows in the same transactions, and a view a_<stream> that lists the ids of
rows that were taken in: after a crash it tells which of the rows that nobody was promised are there.
"""
import copy
import random
import re
import threading
import time
from collections import Counter, defaultdict

from case import INDEXABLE
from server import Error, lost
from pq import literal
from values import PREPARE

TABLES = [
    "CREATE TABLE d0 (k int, name text, on_sale bool, price numeric(8,2))",
    "INSERT INTO d0 SELECT i, CASE WHEN i % 7 <> 0 THEN 'k' || i % 9 END, i % 3 = 0, i * 1.25 FROM generate_series(-4, 30) i",
    "INSERT INTO d0 VALUES (1, 'again', true, NULL), (NULL, 'no key', NULL, 0), (2, NULL, false, 1.5)",
    "CREATE TABLE d1 (t text, n int)",
    "INSERT INTO d1 SELECT 'k' || i % 12, i FROM generate_series(0, 15) i",
    "INSERT INTO d1 VALUES ('', 0), ('a', 1), ('a', 2), (NULL, 3), ('A', 4), ('b1', NULL)",
    "CREATE VIEW dv AS SELECT k, sum(price) AS total, count(*)::int AS n FROM d0 GROUP BY k",
    "ANALYZE d0, d1",
]
MAX_SECONDS = 50        # for one step; a wait for a worker that never ends is stopped after 60 by the server


class Failure(Exception):
    def __init__(self, kind, view, text):
        super().__init__(f"{kind}: {(view + ': ') if view else ''}{text}")
        self.kind, self.view, self.text = kind, view, text


class Counts:
    """What came of views."""

    def __init__(self):
        self.compared, self.rows, self.dead, self.kills, self.combined = 0, 0, 0, 0, 0
        self.refused, self.invalid, self.fails, self.shown = Counter(), Counter(), Counter(), 0


def bare(message):
    """A message without what differs from case to case."""
    line = message.split("\n")[0]
    line = re.sub(r"^.*?ERROR: +", "", line)
    return re.sub(r'"[^"]*"|\b\d+\b', "..", line)


class Client:
    def __init__(self, runner, number):
        self.runner, self.number = runner, number
        self.conn, self.sync, self.lost_in_transaction, self.open = None, "on", False, False
        self.levels, self.late = [], False      # savepoints and the rows since, from the outside

    def connection(self):
        if self.conn is None:
            self.conn = self.runner.server.connect()
            self.conn.query(f"SET search_path = {self.runner.schema}")
            self.conn.query(f"SET weir.synchronous_insert = {self.sync}")
        return self.conn

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn, self.open = None, False

    def take(self, savepoint):
        """The rows since the last savepoint of this name, which ends with all later ones."""
        n = max(n for n, (name, _) in enumerate(self.levels) if name == savepoint)
        rows = [r for _, level in self.levels[n:] for r in level]
        del self.levels[n:]
        return rows

    def do(self, sql):
        self.runner.note(self.number, sql)
        return self.connection().query(sql)


class Runner:
    def __init__(self, server, case, counts, schema="oracle"):
        self.server, self.case, self.counts, self.schema = server, case, counts, schema
        self.script = []            # (client, SQL) as run
        self.streams = {s.name: s for s in case.streams}
        self.clients, self.views = {}, []
        self.required, self.pending = set(), set()
        self.seen_id, self.crashed, self.reset = 0, False, False

    def note(self, client, sql):
        self.script.append((client, sql))

    def ddl(self, sql):
        self.note(None, sql)
        self.c.query(sql)

    # ---- a case from beginning to end ----
    def run(self):
        self.c = self.server.connect()
        try:
            self.set_up()
            self.steps()
            self.finish()
            self.check()
        except Error as e:
            if lost(e):
                time.sleep(.5)
            alarms = self.server.alarms(self.crashed)
            kind = "crash" if lost(e) else "internal" if e.sqlstate.startswith("XX") else "error"
            raise Failure(kind, "", "\n".join([str(e)] + alarms[:5]))
        finally:
            self.tear_down()
        alarms = self.server.alarms(self.crashed)
        if alarms:
            raise Failure("internal", "", "\n".join(alarms[:8]))

    def set_up(self):
        self.c.query("SET client_min_messages = warning")
        self.c.query(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        self.c.query("DELETE FROM weir.dead_letters")
        self.ddl(f"CREATE SCHEMA {self.schema}")
        self.ddl(f"SET search_path = {self.schema}")
        for sql in PREPARE + TABLES:
            self.ddl(sql)
        for s in self.case.streams:
            self.ddl(f"CREATE FOREIGN TABLE {s.name} ({s.definition()}) SERVER weir")
            self.ddl(f"CREATE TABLE b_{s.name} ({s.definition()})")
            self.ddl(f"CREATE VIEW a_{s.name} AS SELECT id FROM {s.name}")

    def tear_down(self):
        for client in self.clients.values():
            client.close()
        self.c.close()
        with self.server.connect() as c:
            c.query("SET client_min_messages = warning")
            if self.reset:
                c.query("ALTER SYSTEM RESET ALL")
                c.query("SELECT pg_reload_conf()")
            c.query(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")

    def admin(self):
        """The own connection again, after the server was away."""
        self.c.close()
        self.c = self.server.connect()
        self.c.query(f"SET search_path = {self.schema}")

    # ---- steps ----
    def steps(self):
        if not self.case.threads:
            for step in self.case.steps:
                self.step(step)
            return
        at_once = []
        for step in self.case.steps:
            if step[0] is None and step[1] not in ("flush", "kill"):
                self.at_once(at_once)
                at_once = []
                self.step(step)
            else:
                at_once.append(step)
        self.at_once(at_once)

    def at_once(self, steps):
        """A thread for each client, and this one for flushes and kills, somewhere among what they do."""
        failures = []

        def run(mine):
            try:
                for step in mine:
                    self.step(step)
            except Exception as e:
                failures.append(e)

        numbers = sorted({s[0] for s in steps if s[0] is not None})
        for n in numbers:
            self.clients.setdefault(n, Client(self, n))
        threads = [threading.Thread(target=run, args=([s for s in steps if s[0] == n],)) for n in numbers]
        for t in threads:
            t.start()
        for step in [s for s in steps if s[0] is None]:
            time.sleep(.01)
            try:
                self.step(step)
            except Exception as e:
                failures.append(e)
                break
        for t in threads:
            t.join()
        if failures:
            raise failures[0]

    def step(self, step):
        started = time.monotonic()
        client, what, *args = step
        if client is None:
            getattr(self, "do_" + what)(*args)
        else:
            if client not in self.clients:
                self.clients[client] = Client(self, client)
            self.client_step(self.clients[client], what, args)
        seconds = time.monotonic() - started
        if seconds > MAX_SECONDS:
            raise Failure("hang", "", f"{step[:2]} took {seconds:.0f} s")

    def do_view(self, number):
        """Create a view, and beside it one over the tables, which tells whether the query is right at all."""
        view = self.case.views[number]
        q = view.query
        view.after = self.seen_id
        batch = self.batch_sql(view, tables=True)
        try:
            self.c.query(f"CREATE VIEW b_{view.name} AS {batch}")
        except Error as e:
            if e.sqlstate.startswith("XX"):
                raise
            self.counts.invalid[bare(str(e))] += 1
            self.invalid = (str(e), batch)
            return
        options = f" WITH ({q.options})" if q.options else ""
        sql = f"CREATE VIEW {view.name}{options} AS {re.sub('@(s[0-9])@', chr(92) + '1', q.sql())}"
        self.note(None, sql)
        try:
            self.c.query(sql)
        except Error as e:
            if lost(e):
                raise
            if e.sqlstate == "0A000":
                self.counts.refused[bare(str(e))] += 1
                self.script.pop()
                return
            _, in_batch = self.answer(f"EXPLAIN SELECT * FROM b_{view.name}")
            if in_batch and in_batch.sqlstate == e.sqlstate:        # a constant that cannot be computed
                self.counts.fails[bare(str(e))] += 1
                self.script.pop()
                return
            kind = "internal" if e.sqlstate.startswith("XX") else "refused"
            raise Failure(kind, view.name, f"CREATE VIEW: {e}\n{sql}")
        self.views.append(view)

    def do_truncate(self, number):
        view = self.case.views[number]
        if view in self.views:
            self.ddl(f"SELECT weir.truncate('{view.name}')")
            view.after = self.seen_id

    def do_index(self, number, column):
        """On a column whose values are short."""
        view = self.case.views[number]
        if view in self.views and view.query.group and column < len(view.query.items) and \
                view.query.items[column].role == "key" and view.query.items[column].family in INDEXABLE:
            try:
                self.ddl(f"CREATE INDEX ON {view.name} (o{column})")
            except Error as e:
                if e.sqlstate != "0A000":
                    raise
                self.counts.refused["index: " + bare(str(e))] += 1

    def do_flush(self):
        self.note(None, "SELECT weir.flush()")
        before = set(self.pending)
        try:
            self.c.query("SELECT weir.flush()")
        except Error as e:
            if not (self.crashed and lost(e)):
                raise
            self.admin()
            return
        # With kills at the same time nobody knows on which side of one they came.
        if not (self.case.threads and self.case.harsh):
            self.required |= before
            self.pending -= before

    def do_set(self, name, value):
        self.reset = True
        self.ddl(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ddl("SELECT pg_reload_conf()")

    def do_restart(self):
        """A clean one, which loses nothing, not even right after a crash."""
        self.note(None, "-- restart of the server")
        for client in self.clients.values():
            client.close()
        self.server.restart()
        self.admin()

    def do_kill(self, process):
        self.note(None, f"-- kill -9 of {process}")
        self.crashed = True
        self.counts.kills += 1
        self.pending.clear()
        self.server.kill(process)
        self.admin_after_crash()

    def admin_after_crash(self):
        """All connections end when a process was killed; this one tells when."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.c.query("SELECT 1")
            except Error as e:
                if not lost(e):
                    raise
                self.admin()
                return
            if time.monotonic() > deadline:
                raise Failure("hang", "", "a killed process is not noticed")
            time.sleep(.01)

    def client_step(self, client, what, args):
        if client.lost_in_transaction:
            # The rest of a transaction that a kill ended.
            if what in ("commit", "rollback"):
                client.lost_in_transaction = False
            return
        was_open = client.open
        try:
            self.client_do(client, what, args)
        except Error as e:
            if not (self.crashed and lost(e)):
                raise
            client.close()
            client.lost_in_transaction = (was_open or what == "begin") and what not in ("commit", "rollback")

    def client_do(self, client, what, args):
        if what == "begin":
            client.do("BEGIN" + args[0])
            client.levels, client.late, client.open = [(None, [])], args[1] == "late", True
        elif what == "commit":
            rows = [r for _, level in client.levels for r in level]
            if client.late:
                for stream, row in rows:
                    client.do(f"INSERT INTO b_{stream} VALUES ({', '.join(map(literal, row))})")
            client.open = False
            client.do("COMMIT")
            self.acknowledged(client, rows)
        elif what == "rollback":
            client.open = False
            client.do("ROLLBACK")
        elif what == "savepoint":
            client.do(f"SAVEPOINT p{args[0]}")
            client.levels.append((args[0], []))
        elif what == "release":
            client.do(f"RELEASE p{args[0]}")
            rows = client.take(args[0])
            client.levels[-1][1].extend(rows)
        elif what == "back":
            client.do(f"ROLLBACK TO p{args[0]}")
            client.take(args[0])
            client.levels.append((args[0], []))
        elif what == "sync":
            client.sync = args[0]
            client.do(f"SET weir.synchronous_insert = {args[0]}")
        elif what == "buffer":
            client.do(f"SET weir.insert_buffer = '{args[0]}'")
        elif what == "fail":
            self.fail(client, args[0])
        elif what == "rows":
            self.put_rows(client, *args)

    def fail(self, client, how):
        """A statement that fails after it put rows into a stream."""
        stream = self.case.streams[0].name
        try:
            if how == "query":
                client.do("SELECT 1 / 0")
            elif how == "row":
                client.do(f"INSERT INTO {stream} (id) SELECT 1 / (5 - g) FROM generate_series(1, 9) g")
            elif how == "copy":
                client.connection().copy(f"COPY {stream} (id) FROM STDIN", ["-1\n-2\nnot a number\n"])
            else:
                client.connection().copy(f"COPY {stream} (id) FROM STDIN", ["-1\n-2\n"], fail="the client gives up")
        except Error as e:
            if e.sqlstate not in ("22012", "22P02", "57014"):
                raise

    def acknowledged(self, client, rows):
        ids = {int(row[0]) for _, row in rows}
        (self.required if client.sync == "on" else self.pending).update(ids)

    def put_rows(self, client, stream, way, rows):
        self.seen_id = max(self.seen_id, max(int(row[0]) for row in rows))
        self.counts.rows += len(rows)
        names = ["id"] + [c.name for c in self.streams[stream].columns]
        both = [stream] if client.open and client.late else [stream, f"b_{stream}"]
        if way in ("copy", "prepared"):
            if not client.open:
                client.do("BEGIN")
            for target in both:
                if way == "copy":
                    self.copy(client, target, names, rows)
                else:
                    self.prepared(client, target, names, rows)
            if not client.open:
                client.do("COMMIT")
        else:
            sql = "; ".join(self.insert_sql(target, names, way, rows) for target in both)
            client.do(sql)
        if client.open:
            client.levels[-1][1].extend((stream, row) for row in rows)
        else:
            self.acknowledged(client, [(stream, row) for row in rows])

    def insert_sql(self, target, names, way, rows):
        columns = ", ".join(names)
        if way == "singles":
            return "; ".join(f"INSERT INTO {target} ({columns}) VALUES ({', '.join(map(literal, row))})" for row in rows)
        if way == "select":
            types = ["int8"] + [c.type.name for c in self.streams[target.removeprefix("b_")].columns]
            types = [t.replace(" COLLATE ci", "") for t in types]
            lines = ", ".join("(" + ", ".join(f"{literal(v)}::{t}" for v, t in zip(row, types)) + ")" for row in rows)
            return f"INSERT INTO {target} ({columns}) SELECT * FROM (VALUES {lines}) x"
        lines = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)
        return f"INSERT INTO {target} ({columns}) VALUES {lines}"

    def copy(self, client, target, names, rows):
        escape = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
        data = "".join("\t".join("\\N" if v is None else v.translate(escape) for v in row) + "\n" for row in rows)
        sql = f"COPY {target} ({', '.join(names)}) FROM STDIN"
        self.note(client.number, sql + ";\n" + data + "\\.")
        client.connection().copy(sql, [data])

    def prepared(self, client, target, names, rows):
        name = f"put_{target}"
        self.note(client.number, self.insert_sql(target, names, "singles", rows))
        c = client.connection()
        if name not in c.__dict__.setdefault("prepared_names", set()):
            c.prepare(name, f"INSERT INTO {target} ({', '.join(names)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(names)))})")
            c.prepared_names.add(name)
        for row in rows:
            c.execute(name, *row)

    # ---- the end ----
    def finish(self):
        for client in self.clients.values():
            client.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.admin()
                self.do_flush()
                self.c.query(f"SET search_path = {self.schema}")
                break
            except Error as e:
                if not (self.crashed and lost(e)) or time.monotonic() > deadline:
                    raise
                time.sleep(.1)

    def check(self):
        self.check_rows()
        bad = self.c.query(f"SELECT name, reason FROM weir.views WHERE schema = '{self.schema}' AND state <> 'active'")
        if bad:
            raise Failure("suspended", bad[0][0], str(bad[0][1]))
        dead = defaultdict(dict)
        for view, id_, message in self.c.query(
                "SELECT d.view::regclass::text, convert_from(d.payload, 'UTF8')::json ->> 'id', d.message"
                " FROM weir.dead_letters d"):
            if id_ is None:
                raise Failure("dead", view or "", f"a dead letter without a row: {message}")
            dead[view][id_] = message
        for view in self.views:
            self.check_view(view, dead.get(view.name, {}))

    def check_rows(self):
        """Rows promised are there once, others at most once; the tables are made to hold what is there."""
        for s in self.case.streams:
            ids = [int(i) for (i,) in self.c.query(f"SELECT id FROM a_{s.name}")]
            batch = {int(i) for (i,) in self.c.query(f"SELECT id FROM b_{s.name}")}
            twice = [i for i, n in Counter(ids).items() if n > 1]
            if twice:
                raise Failure("twice", "", f"rows counted more than once: {twice[:10]}")
            missing = (self.required & batch) - set(ids)
            if missing:
                raise Failure("missing", "", f"acknowledged rows are not there: {sorted(missing)[:10]}")
            if set(ids) - batch:
                raise Failure("extra", "", f"rows that were not committed: {sorted(set(ids) - batch)[:10]}")
            if batch - set(ids):
                if not self.crashed:
                    raise Failure("missing", "", f"committed rows are not there: {sorted(batch - set(ids))[:10]}")
                self.c.query(f"DELETE FROM b_{s.name} WHERE id NOT IN (SELECT id FROM a_{s.name})")

    def batch_sql(self, view, query=None, tables=False, without=(), only=None):
        """A view's query, or another, over the tables, for the rows that the view is to have."""
        def table(match):
            name = f"b_{match.group(1)}"
            if only is not None:
                return f"(SELECT * FROM {name} WHERE id = {only} OFFSET 0)"
            conditions = []
            if view.after and not tables:
                conditions.append(f"id > {view.after}")
            if without and not tables:
                conditions.append(f"id <> ALL ('{{{','.join(without)}}}')")
            # OFFSET 0: no condition of the query is tried on rows that are left out
            return f"(SELECT * FROM {name} WHERE {' AND '.join(conditions)} OFFSET 0)" if conditions else name
        return re.sub("@(s[0-9])@", table, (query or view.query).sql())

    def shape(self, relation):
        return self.c.query("SELECT attname, format_type(atttypid, atttypmod), attcollation FROM pg_attribute"
                            f" WHERE attrelid = '{relation}'::regclass AND attnum > 0 ORDER BY attnum")

    def check_view(self, view, dead):
        started = time.monotonic()
        name = view.name
        got, expected = self.shape(name), self.shape(f"b_{name}")
        if got != expected:
            raise Failure("columns", name, f"{got} instead of {expected}")
        batch = self.batch_sql(view, without=sorted(dead))
        if dead:
            self.counts.dead += len(dead)
            whole = copy.copy(view.query)
            whole.limit = None          # of LIMIT 0 nothing is computed
            for id_ in sorted(dead)[:6]:
                try:
                    self.c.query(f"SELECT * FROM ({self.batch_sql(view, whole, only=id_)}) q")
                except Error as e:          # of several faults either side may meet another one first
                    if lost(e):
                        raise
                    continue
                raise Failure("dead", name, f"row {id_} is a dead letter ({dead[id_]}), but does not fail in batch")
        columns = shown_columns(view.query)
        a, error_a = self.answer(f"SELECT {columns} FROM {name}")
        b, error_b = self.answer(f"SELECT {columns} FROM ({batch}) q")
        if error_a or error_b:
            if error_a and error_b and error_a.sqlstate == error_b.sqlstate and not error_a.sqlstate.startswith("XX"):
                self.counts.fails[bare(str(error_a))] += 1
                return
            raise Failure("one fails", name, f"view: {error_a or 'works'}; batch: {error_b or 'works'}\n{batch}")
        self.compare(view, view.query, f"SELECT {columns} FROM {name}", f"SELECT {columns} FROM ({batch}) q", a, b)
        self.counts.compared += 1
        self.check_combine(view, sorted(dead))
        self.counts.shown += len(a)
        if time.monotonic() - started > MAX_SECONDS:
            raise Failure("hang", name, "comparing takes for ever")

    def answer(self, sql):
        try:
            return self.c.query(sql), None
        except Error as e:
            if lost(e):
                raise
            return None, e

    def check_combine(self, view, dead):
        """Groups taken together by weir.combine equal the batch query over fewer keys."""
        less = view.query.taken_together(random.Random(f"{self.case.seed}/{view.name}"))
        if less is None:
            return
        q, numbers = less
        columns = [f"o{n}" if i.role == "key" else f"weir.combine(o{n})" for n, i in zip(numbers, q.items)]
        columns = ", ".join(f"{c} AS o{n}" for n, c in enumerate(columns))
        keys = ", ".join(f"o{n}" for n, i in zip(numbers, q.items) if i.role == "key")
        shown = shown_columns(q)
        over_view = f"SELECT {shown} FROM (SELECT {columns} FROM {view.name}{' GROUP BY ' + keys if keys else ''}) q"
        over_batch = f"SELECT {shown} FROM ({self.batch_sql(view, q, without=dead)}) q"
        a, error_a = self.answer(over_view)
        if error_a and error_a.sqlstate in ("0A000", "42809"):      # a column of values kept in rows has no state
            self.counts.refused["combine: " + bare(str(error_a))] += 1
            return
        b, error_b = self.answer(over_batch)
        if error_a or error_b:
            if error_a and error_b and error_a.sqlstate == error_b.sqlstate and not error_a.sqlstate.startswith("XX"):
                return
            raise Failure("combine fails", view.name, f"combine: {error_a or 'works'}; batch: {error_b or 'works'}\n{over_view}\n{over_batch}")
        self.compare(view, q, over_view, over_batch, a, b)
        self.counts.combined += 1

    def compare(self, view, query, over_view, over_batch, a, b):
        """Raises a failure unless both answers are the same."""
        kinds = query.kinds()
        if query.order and "DISTINCT" not in query.distinct and "ambig" not in kinds and \
                not any("{}" in k or k == "float" for k in kinds):
            keys = [n for n, i in enumerate(query.items) if i.role == "key"]
            if len(keys) == len(query.group) and query.grouping == "{}" and a != b and Counter(a) == Counter(b):
                raise Failure("order", view.name, f"{a[:5]} instead of {b[:5]}")
        if Counter(a) == Counter(b):
            return
        if "ambig" in kinds:
            more = self.c.query(f"WITH v AS MATERIALIZED ({over_view}), q AS MATERIALIZED ({over_batch}) "
                                "SELECT 'only in view', left(x::text, 300) FROM (TABLE v EXCEPT ALL TABLE q) x UNION ALL "
                                "SELECT 'only in batch', left(x::text, 300) FROM (TABLE q EXCEPT ALL TABLE v) x LIMIT 8")
        else:
            floats = [n for n, k in enumerate(kinds) if k == "float"]
            left, right = Counter(a) - Counter(b), Counter(b) - Counter(a)
            more = differences(list(left.elements()), list(right.elements()), floats)
        if more:
            raise Failure("differs", view.name, "\n".join(" ".join(map(str, m)) for m in more[:8])[:3000] +
                          f"\n{over_view}\n{over_batch}")


def shown_columns(query):
    """The select list that makes the columns of a query comparable."""
    return ", ".join(f"{k.replace('{}', c)} AS {c}" if "{}" in k else c for c, k in zip(query.columns(), query.kinds()))


def near(x, y):
    if x is None or y is None:
        return x is y
    x, y = float(x), float(y)
    return x == y or (x != x and y != y) or abs(x - y) <= 1e-9 * max(abs(x), abs(y), 1)


def differences(a, b, floats):
    """What is left when rows that agree up to rounding in these columns are taken away."""
    groups = defaultdict(lambda: ([], []))
    for side, rows in enumerate((a, b)):
        for row in rows:
            key = tuple(v for n, v in enumerate(row) if n not in floats)
            groups[key][side].append(row)
    left = []
    for rows_a, rows_b in groups.values():
        for row in rows_a:
            for other in rows_b:
                if all(near(row[n], other[n]) for n in floats):
                    rows_b.remove(other)
                    break
            else:
                left.append(("only in view", row))
        left += [("only in batch", row) for row in rows_b]
    return left
