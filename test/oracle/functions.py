"""Every function of schema weir, called by an ordinary role with what nobody would give it.

    functions.py DSN [--seed N] [--seconds N] [--log FILE] [--datadir DIR] [--out DIR]

The functions are those of pg_proc, so a new one is called without a word here.  Arguments are NULL, boundary values, junk, values
of other types where any type is taken, and states: those that Weir's own functions gave before, whole or changed byte by byte, as text
and in binary form.  Each is called plainly, over rows, as window function, as aggregate, through the function call protocol,
and as a part of an aggregate that a user makes.  The server must answer each with a value or an error of its own: an internal
error (XX000), a lost connection, a call that cannot be cancelled, or an alarm in the log is a failure.
"""
import argparse
import json
import os
import random
import re
import sys
import time
from collections import Counter

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, f"{here}/../lib"]
from pq import literal
from server import Error, Server, lost

SCHEMA, ROLE = "fuzz_functions", "fuzz_functions"
# Types that a value of any type may have, with values; those of other types of arguments.
NUMBERS = ["0", "1", "-1", "2", "14", "200", "32767", "2147483647", "-2147483648"]
LARGE = NUMBERS + ["9223372036854775807", "-9223372036854775808"]
REALS = NUMBERS + ["0.5", "0.02", "1e-300", "1e308", "NaN", "Infinity", "-Infinity"]
TIMES = ["2026-03-01 12:00", "infinity", "-infinity", "4714-01-01 BC", "294276-12-31", "1970-01-01", "2000-01-01 00:00:00.000001"]
SPANS = ["1 s", "0", "-1 s", "1 hour", "1 day", "1 month", "1 day 1 s", "178000000 years", "-178000000 years", "1 us", "2147483647 days", "100 years"]
TEXTS = ["", "a", "ab", "x" * 3000, "ä€😀", "{", "Europe/Berlin", "UTC", "../../etc/passwd", "1,3:", "1,0:", "1,1:,a", "1,99999999999:x", "1,2:,", "%s%n"]
JSONS = ["{}", "[]", "[ ]", "{ }", "null", "1", '"x"', "[1, 2]", '{"a": 1}', '{ "a" : 1 }', '{"a": [1]}', '{"a": "x"}', '{"a": 1e400, "b": -1}', "[[[]]]", "true",
         "[1, \n {}]"]
BYTES = ["", "\\x00", "\\x01", "\\x0100000000", "\\x01ffffffff", "\\x010000000161", "\\x" + "57" * 200]
POOL = {
    "boolean": ["t", "f"], "smallint": NUMBERS[:7], "integer": NUMBERS, "bigint": LARGE, "real": REALS[:12], "double precision": REALS,
    "numeric": REALS + ["1e5000", "1.00"], "text": TEXTS, "character varying": TEXTS, "name": TEXTS[:3], "cstring": TEXTS, '"char"': ["", "a"],
    "bytea": BYTES, "json": JSONS, "jsonb": JSONS, "xml": ["", "<a/>", "x"], "interval": SPANS,
    "timestamp with time zone": TIMES, "timestamp without time zone": TIMES, "date": TIMES[:4], "uuid": ["00000000-0000-0000-0000-000000000000"],
    "interval[]": ["{}", "{0,0}", "{1 s,1 us}", "{1 s,-1 us}", "{1 s,1 us,1 us,1 us}", "{NULL,1 s}", "{{0,0}}", "{1 s}", "{1 s,1 day}"],
    "bigint[]": ["{}", "{1,2}", "{0,0}", "{NULL,1}", "{{1,2}}", "{1,2,3}", "{-1,9223372036854775807}", "[5:6]={1,2}"],
    "integer[]": ["{}", "{1,2}", "{{1,2},{3,4}}", "{NULL}"], "text[]": ["{}", "{a,NULL}", "{{a,b}}"],
    "int4range": ["empty", "[1,2)", "(,)"], "int4multirange": ["{}", "{[1,2)}"], "pair": ["(1,a)", "(,)"], "mood": ["sad", "glad"], "word": ["a", "b"],
    "pair[]": ["{}", '{"(1,a)"}'], "point": ["(1,2)"], "tsvector": ["a b"], "bit varying": ["101"], "money": ["1"], "oid": ["0", "1", "4294967295"],
    "regtype": ["integer", "text", "pair", "record", "anyelement", "cstring", "weir.state", "0", "1234567"],
    "regtype[]": ["{}", "{integer}", "{integer,integer}", "{text,integer}", "{integer,text,integer}", "{0,0}", "{anyelement,text}", "{{integer,text}}", "{NULL}"],
    "regclass": ["s", "v", "v_mrel", "weir.v_def", "other", "pg_class", "0", "1234567", "weir.views"], "regclass[]": ["{}", "{s}", "{s,other}", "{0,NULL}"],
}
ANY = ["integer", "text", "double precision", "numeric", "bigint", "boolean", "timestamp with time zone", "interval", "json", "jsonb", "bytea", "integer[]", "text[]",
       "pair", "pair[]", "mood", "word", "int4range", "int4multirange", "name", "uuid", "point", "weir.tdigest", "weir.topk", "weir.state", "cstring", "xml", "numeric"]
ARRAYS = [t for t in POOL if t.endswith("[]")]
POLYMORPHIC = {"anyelement": ANY, "anycompatible": ANY[:6], "anynonarray": ANY, '"any"': ANY + ["unknown", "record"], "anyarray": ARRAYS, "anycompatiblearray": ARRAYS,
               "anyenum": ["mood"], "anyrange": ["int4range"], "anymultirange": ["int4multirange"]}
# What PostgreSQL's own functions say of states that are none; anybody gets it without Weir.
STOCK = re.compile(r"expected \d-element \w+ array|cannot determine element type of \"any\w+\" argument|must be superuser")
# Not to be called: the one that stops the tester's own clock is not worth a pause.
ALONE = {"extension_created"}
# Of so many kinds of states each kind is kept.
KEPT = 60


class Functions:
    def __init__(self, server, seed):
        self.server, self.r, self.seed = server, random.Random(seed), seed
        self.calls, self.good, self.refused = Counter(), Counter(), Counter()
        self.last, self.failures, self.n, self.loaded = [], 0, 0, set()
        self.denied, self.root, self.as_superuser = set(), None, False
        self.pool = {t: list(v) for t, v in POOL.items()}
        self.boss = server.connect()
        self.set_up()
        self.connect()

    def set_up(self):
        q = self.boss.query
        q("SET client_min_messages = error")
        q("CREATE EXTENSION IF NOT EXISTS weir")
        q(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        q(f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        q(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {ROLE}; SET search_path = {SCHEMA}; SET ROLE {ROLE}")
        q("CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN word AS text CHECK (value <> '')")
        q("CREATE FOREIGN TABLE s (i int, b bigint, n numeric, t text, p pair, m mood) SERVER weir; CREATE FOREIGN TABLE other (x int) SERVER weir")
        q("CREATE VIEW v WITH (ttl = '1 day', ttl_column = 'at') AS SELECT i % 3 AS k, max(arrival_timestamp) AS at, count(*) FROM s GROUP BY 1")
        q("CREATE VIEW bystander AS SELECT count(*), sum(x) FROM other")
        # states of every internal aggregate that views keep, with what is needed to read them
        aggregates = [("avg(numeric)", "avg(n)", "numeric", None), ("sum(bigint)", "sum(b)", "numeric", None), ("stddev(numeric)", "stddev(n)", "numeric", None),
                      ("var_pop(integer)", "var_pop(i)", "numeric", None)]
        for name in ("first", "last"):
            aggregates += [(f'weir.{name}(anyelement,"any")', f"weir.{name}({x}, i)", t, f"{{{t},integer}}") for x, t in (("t", "text"), ("p", "pair"), ("m", "mood"), ("n", "numeric"))]
        aggregates += [('weir.keyed_max("any",anyelement)', "weir.keyed_max(t, p)", "pair", "{text,pair}"), ("weir.top_n(integer,anyelement)", "weir.top_n(3, n)", "numeric[]", "{integer,numeric}"),
                       ('weir.first_values(integer,anyelement,"any")', "weir.first_values(2, t, n)", "text[]", "{integer,text,numeric}")]
        q("CREATE VIEW st AS SELECT " + ", ".join(f"{call} AS a{n}" for n, (_, call, _, _) in enumerate(aggregates)) + " FROM s")
        q("INSERT INTO s SELECT g, g, g / 7.0, repeat('t', g), ROW(g, 'x'::text)::pair, 'sad'::mood FROM generate_series(1, 9) g")
        q("CREATE TABLE states (id serial, aggregate text, result text, types text, st weir.state)")
        for n, (name, _, result, types) in enumerate(aggregates):
            q(f"INSERT INTO states (aggregate, result, types, st) SELECT {literal(name)}, {literal(result)}, {literal(types)}, st FROM (SELECT a{n} AS st FROM st_mrel) q")
        q("RESET ROLE")
        # only a superuser enters states: those of Weir's own aggregates are read with care whatever they are
        for row in q("SELECT id, st::text FROM states WHERE aggregate LIKE 'weir.%'"):
            for _ in range(12):
                q(f"INSERT INTO states (aggregate, result, types, st) SELECT aggregate, result, types, {literal(self.mutated_bytes(row[1], 5))}::weir.state FROM states WHERE id = {row[0]}")
        self.states = q("SELECT id, aggregate, result, types FROM states")
        self.aggregates = [row[0] for row in q("SELECT oid::regprocedure::text FROM pg_proc WHERE prokind = 'a' AND pronamespace = 'weir'::regnamespace")] + \
            ["sum(bigint)", "avg(integer)", "max(text)", "count(\"any\")", "array_agg(anyelement)", "array_agg(anyarray)", "string_agg(text,text)", "avg(numeric)", "rank(\"any\")",
             "percentile_cont(double precision)", "lower(text)", "row_number()", "0", "1", "4294967295"]
        self.pool["regprocedure"] = self.aggregates
        self.functions = [dict(zip(("oid", "name", "kind", "set", "args", "result", "language", "variadic"), row)) for row in q(
            "SELECT p.oid, p.proname, p.prokind, p.proretset, array_to_json(ARRAY(SELECT format_type(a, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u(a, n) ORDER BY n)),"
            " format_type(p.prorettype, NULL), l.lanname, p.provariadic <> 0 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'weir'::regnamespace ORDER BY p.proname, p.oid")]
        for f in self.functions:
            f["args"] = json.loads(f["args"])
            f["label"] = f"{f['name']}({', '.join(f['args'])})"
        q("CREATE TABLE loaded (n serial)")
        for (t,) in q("SELECT format_type(oid, NULL) FROM pg_type WHERE typnamespace = 'weir'::regnamespace AND typtype = 'b' AND typelem = 0"):
            self.pool.setdefault(t, [])

    def connect(self):
        self.c = self.server.connect()
        self.c.query(f"SET client_min_messages = error; SET search_path = {SCHEMA}; SET statement_timeout = '3s'")
        if not self.as_superuser:
            self.c.query(f"SET SESSION AUTHORIZATION {ROLE}")

    def call_as_superuser(self, f):
        """What the ordinary role may not call."""
        self.as_superuser, ordinary = True, self.c
        if self.root is None:
            self.connect()
            self.root = self.c
        self.c = self.root
        self.call(f)
        self.as_superuser, self.root, self.c = False, self.c, ordinary

    # ---- values

    def mutated_bytes(self, text, least=0):
        """A value whose text ends in bytes in hexadecimal, with some of them changed; the first so many mostly stay."""
        head, mark, digits = text.rpartition("\\x")
        data = bytearray(bytes.fromhex(digits))
        r = self.r
        for _ in range(r.choice([1, 1, 1, 2, 4])):
            at = r.randrange(min(least if r.random() < .9 else 0, len(data)), len(data) + 1) if r.random() < .6 else min(len(data), r.randrange(1, 40))
            how = r.randrange(8)
            if how == 0:
                del data[at:]
            elif how == 1:
                data[at:at] = bytes(r.choice([0, 255, r.randrange(256)]) for _ in range(r.choice([1, 4, 8, 20])))
            elif how == 2:
                del data[at:at + r.choice([1, 4, 8, 16])]
            elif how in (3, 4):
                word = r.choice([0, 1, 2, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 0x80000000, r.getrandbits(32)])
                data[at:at + 4] = word.to_bytes(4, r.choice(["little", "big"]))
            elif how == 5:
                data[at:at + 8] = r.choice([b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, r.randbytes(8)])
            elif data and at < len(data):
                data[at] = r.choice([0, 1, 255, data[at] ^ (1 << r.randrange(8))])
        return head + mark + data.hex()

    def text_of(self, t):
        """The text of a value of a type, or None: NULL."""
        r, pool = self.r, self.pool.get(t)
        if r.random() < .12 or (not pool and r.random() < .5):
            return None
        text = r.choice(pool or TEXTS[:5] + NUMBERS)
        if r.random() < (.5 if t.startswith("weir.") else 0 if t.startswith("reg") else .03):
            if re.search(r"\\x(?:[0-9a-f]{2})+$", text):
                return self.mutated_bytes(text)
            at = r.randrange(len(text) + 1)
            text = text[:at] + r.choice(["", "\\", "'", "{", "}", ",", "\x01", "9" * 30, "NULL"]) + text[at + r.choice([0, 1]):]
        return text

    def value(self, t):
        """An expression of a type."""
        r = self.r
        if t == "weir.state":
            return self.state(r.choice(self.states)[1])
        if t == "record":
            return r.choice(["ROW(1, 'a')", "ROW()", "ROW(NULL, ROW(1))", "ROW(1, '{1}'::int[])"])
        if t.endswith("[]") and t not in self.pool:
            return f"ARRAY[{', '.join(self.value(t[:-2]) for _ in range(r.randint(0, 3)))}]::{t}"
        text = self.text_of(t)
        if t == "unknown":
            return literal(text)
        if t in self.loaded and r.random() < .15:
            return f'(SELECT x FROM "loaded {t}" ORDER BY n % {r.randint(1, 7)}, n LIMIT 1)'
        return f"{literal(text)}::{t}"

    def types(self, f):
        """Types for the arguments; what is polymorphic mostly gets the same."""
        r, chosen, types = self.r, {}, []
        for a in f["args"]:
            t = a
            if a in POLYMORPHIC:
                family = "compatible" if "compatible" in a else "any"
                if a == '"any"' or family not in chosen or r.random() < .05:
                    t = r.choice(POLYMORPHIC[a])
                    if a != '"any"':
                        chosen.setdefault(family, t)
                else:
                    t = chosen[family]
                    t = t + "[]" if a.endswith("array") and not t.endswith("[]") else t[:-2] if not a.endswith("array") and t.endswith("[]") and r.random() < .5 else t
            types.append(t)
        return types

    def arguments(self, f):
        if f["name"] in ("finalize", "combine", "combine_state") and "regprocedure" in f["args"] and self.r.random() < .7:
            return self.fitting(f)
        types = self.types(f)
        values = [self.value(t) for t in types]
        kept = re.match(r"E'(?:pg_catalog\.)?([^'\\]+) .*::weir.topk$", values[0]) if values else None
        if kept and self.r.random() < .8:
            # what the sketch keeps
            values = [self.value(kept.group(1) + "[]" * (a == "anyarray")) if a in POLYMORPHIC else v for a, v in zip(f["args"], values)]
        return values

    def state(self, aggregate):
        """One of an aggregate, mostly."""
        r = self.r
        if r.random() < .05:
            return "NULL::weir.state"
        return f"(SELECT st FROM states WHERE id = {r.choice([s for s in self.states if s[1] == aggregate or r.random() < .02] or self.states)[0]})"

    def fitting(self, f):
        """finalize and combine: an aggregate, a state and a type that go together, but perhaps for one."""
        r = self.r
        _, aggregate, result, types = r.choice([s for s in self.states if (s[3] is None) == ("regtype[]" not in f["args"])])
        given = {"regprocedure": f"{literal(aggregate)}::regprocedure", "regtype[]": f"{literal(types)}::regtype[]"}
        args = [given[a] for a in f["args"][:-2]] + [self.state(aggregate), f"NULL::{result}"]
        if r.random() < .15:
            n = r.randrange(len(args))
            args[n] = self.value(self.types(f)[n])
        return args

    # ---- calls

    def run(self, sql, f=None):
        self.last.append(sql)
        del self.last[:-20]
        self.n += 1
        begun, self.last_failed = time.monotonic(), False
        try:
            rows = self.c.query(sql)
            if f:
                self.good[f["label"]] += 1
            return rows
        except Error as e:
            self.last_failed = True
            if lost(e):
                self.failure(f"lost: {e}")
                self.connect()
            elif re.search(r"\\x[0-9a-f]{2}(?![0-9a-f])", str(e).split("LINE 1")[0]) and "ERROR" in str(e):
                self.failure(f"no text in the database's encoding: {e}")
            elif re.match("XX|58", e.sqlstate) or re.search("cache lookup|TRAP", str(e)):
                if not STOCK.search(str(e)):
                    self.failure(str(e))
            elif time.monotonic() - begun > 15:
                self.failure(f"takes too long: {e}")
            self.refused[e.sqlstate] += 1
            if f and "permission denied for function" in str(e):
                self.denied.add(f["label"])
            return None

    def failure(self, what):
        self.failures += 1
        print(f"not ok {what}\nafter:", *self.last[-1:], sep="\n", flush=True)
        if self.out:
            with open(f"{self.out}/functions{self.seed}.{self.failures}.sql", "w") as file:
                file.write(";\n".join(self.last) + ";\n")

    def keep(self, f, rows):
        """A result of a type of Weir's is an argument of later calls."""
        pool = self.pool.get(f["result"]) if f["result"].startswith("weir.") else None
        text = rows[0][0] if rows and rows[0] else None
        if pool is not None and text and len(text) < 20000 and f["result"] != "weir.state":
            if len(pool) < KEPT:
                pool.append(text)
            else:
                pool[self.r.randrange(KEPT)] = text

    def call(self, f):
        r, name = self.r, f"weir.{f['name']}"
        self.calls[f["label"]] += 1
        if "internal" in f["args"] or f["args"] == ["cstring"] or r.random() < .05:
            return self.fastpath(f)
        if f["result"] == "trigger":
            return self.trigger(f)
        args = self.arguments(f)
        call = f"{name}({', '.join(args)})"
        if r.random() < (.9 if f["variadic"] == "t" and not f["args"][-1].startswith('"') else .02) and args:
            call = f"{name}({', '.join(args[:-1] + ['VARIADIC ' + args[-1]])})"
        if f["kind"] == "a":
            return self.aggregate(f)
        if f["kind"] == "w":
            rows = ", ".join(f"({', '.join(self.arguments(f))})" for _ in range(3))
            columns = ", ".join(f"x{n}" for n in range(len(args)))
            over = r.choice(["OVER ()", "OVER (ORDER BY x0)", "OVER (PARTITION BY x1 ORDER BY x0)", "OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "FILTER (WHERE true) OVER ()", ""])
            return self.run(r.choice([f"SELECT {call} {over.replace('x0', '1').replace('x1', '2')}", f"SELECT {name}({columns}) {over} FROM (VALUES {rows}) v ({columns})"]), f)
        if r.random() < .4 and f["args"] and f["language"] == "c" and f["result"] == f["args"][0]:
            return self.in_aggregate(f)
        if f["set"] == "t":
            return self.run(r.choice([f"SELECT {call} LIMIT 20", f"SELECT * FROM {call} LIMIT 20", f"SELECT count(*) FROM (SELECT {call} FROM generate_series(1, 3) LIMIT 50) q"]), f)
        self.keep(f, self.run(r.choice([f"SELECT {call}", f"SELECT {call}::text FROM generate_series(1, 2)", f"SELECT {call} WHERE {call} IS NOT NULL"]), f))

    def rows(self, f, n):
        """n rows of arguments, each column of one type."""
        if f["name"] in ("combine", "combine_state") and "regprocedure" in f["args"] and self.r.random() < .8:
            first = self.fitting(f)
            aggregate = re.search("E'(.*)'::regprocedure", first[0])
            return [first] + [[self.state(aggregate.group(1)) if aggregate and "FROM states" in a else a for a in first] for _ in range(n - 1)]
        types = self.types(f)
        first = [self.value(t) for t in types]
        return [first] + [[a if self.r.random() < .3 else self.value(t) for a, t in zip(first, types)] for _ in range(n - 1)]

    def aggregate(self, f):
        r, name = self.r, f"weir.{f['name']}"
        rows = self.rows(f, r.choice([1, 2, 3, 8]))
        columns = ", ".join(f"x{n}" for n in range(len(f["args"])))
        source = "FROM (VALUES " + ", ".join(f"({', '.join(row)})" for row in rows) + f") v ({columns})" if columns else ""
        how = r.choice(["", "", "", "", " OVER ()", " OVER (ORDER BY 1 ROWS 1 PRECEDING)", " FILTER (WHERE x0 IS NOT NULL)"])
        arguments = r.choice([columns] * 12 + [f"DISTINCT {columns}", f"{columns} ORDER BY x0"])
        # what comes of it is read in every way
        call = f"{name}({arguments}){how}"
        shown = r.choice([call, call, f"{call}::text", f"to_json({call})", f"cardinality({call})" if f["result"].endswith(("array", "[]")) else call])
        rows = self.run(f"SELECT {shown} {source}", f)
        if shown == call:
            self.keep(f, rows)

    def in_aggregate(self, f):
        """The function as transition, combine and final function of an aggregate that a user makes, with an initial state of any kind."""
        r = self.r
        state = r.choice(["integer[]", "text[]"]) if f["args"][0] in POLYMORPHIC else f["args"][0]
        types = [state if a == f["args"][0] else r.choice(ANY[:8]) if a in POLYMORPHIC else a for a in f["args"][1:]]
        takes = [g for g in self.functions if g["kind"] == "f" and g["set"] == "f" and g["args"][:1] == f["args"][:1]]
        combines = [g["name"] for g in takes if g["args"][1:] == g["args"][:1] and g["result"] == g["args"][0]]
        final = r.choice([None] + [g for g in takes if len(g["args"]) == 1 or g["args"][1:] == f["args"][1:]])
        parts = [f"SFUNC = weir.{f['name']}, STYPE = {state}"]
        if final:
            parts.append(f"FINALFUNC = weir.{final['name']}{', FINALFUNC_EXTRA' if len(final['args']) > 1 else ''}")
        if combines and r.random() < .7:
            parts.append(f"COMBINEFUNC = weir.{r.choice(combines)}")
        init = self.text_of(state)
        if init is not None and r.random() < .6:
            parts.append(f"INITCOND = {literal(init)}")
        columns = ", ".join(f"x{n}" for n in range(len(types)))
        rows = ", ".join("(" + ", ".join(self.value(t) for t in types + ["integer"]) + ")" for _ in range(r.randint(1, 5)))
        over = r.choice(["", "", " OVER (ORDER BY 1 ROWS 1 PRECEDING)"])
        if self.run(f"CREATE AGGREGATE junk ({', '.join(types) or '*'}) ({', '.join(parts)})", f) is None and not self.last_failed:
            self.run(f"SELECT junk({columns or '*'}){over} FROM (VALUES {rows}) v ({', '.join(f'x{n}' for n in range(len(types) + 1))})", f)
            # and by weir.finalize and weir.combine, which read states from a table: there they must stay what they are
            self.run(f"CREATE TABLE held AS SELECT {self.value(state)} AS st FROM generate_series(1, 3)")
            before = self.run("SELECT st::text, pg_column_size(st) FROM held")
            for reader in ("finalize", "combine"):
                self.run(f"SELECT weir.{reader}('junk({','.join(types) or '*'})'::regprocedure, st, NULL::{final['result'] if final else state}) FROM held")
            if before is not None and self.run("SELECT st::text, pg_column_size(st) FROM held") != before:
                self.failure("a state in a table was changed by reading it")
            self.run(f"DROP AGGREGATE junk ({', '.join(types) or '*'}); DROP TABLE IF EXISTS held")

    def trigger(self, f):
        self.run("BEGIN; CREATE TABLE t (x int)")
        when = self.r.choice(["BEFORE INSERT ON t FOR EACH ROW", "AFTER INSERT ON t FOR EACH ROW", "BEFORE INSERT OR TRUNCATE ON t"])
        self.run(f"CREATE TRIGGER t {when} EXECUTE FUNCTION weir.{f['name']}({self.r.choice(['', '1'])})")
        self.run("INSERT INTO t VALUES (1), (2); TRUNCATE t", f)
        self.run("ROLLBACK")
        self.run(f"SELECT weir.{f['name']}()")

    def fastpath(self, f):
        """Through the protocol for function calls: arguments in binary form, internal ones NULL, and no expression that tells types."""
        if f["kind"] != "f" or f["set"] == "t":
            return
        values = []
        for a in f["args"]:
            data = None
            if a != "internal" and a not in POLYMORPHIC and self.r.random() < .8:
                data = self.binary(a)
            values.append(data)
        self.last.append(f"-- fastpath {f['label']} {values}")
        self.n += 1
        try:
            self.c.fastpath(int(f["oid"]), values)
            self.good[f["label"]] += 1
        except Error as e:
            if lost(e):
                self.failure(f"lost: {e}")
                self.connect()
            elif re.match("XX", e.sqlstate) and not STOCK.search(str(e)):
                self.failure(f"fastpath {f['label']}: {e}")
            self.refused[e.sqlstate] += 1

    def binary(self, t):
        """A value's binary form, right for most types."""
        text = self.text_of(t)
        if text is None:
            return None
        if t in ("integer", "oid", "regtype", "regclass", "regprocedure"):
            return self.r.choice([0, 1, 23, 2**32 - 1, 2**31]).to_bytes(4, "big")
        if t in ("bigint", "double precision") or t.startswith("timestamp"):
            return self.r.choice([0, 1, 2**63, 2**64 - 1, 0x3fe0 << 48]).to_bytes(8, "big")
        if t == "interval":
            return self.r.randbytes(16) if self.r.random() < .5 else bytes(7) + b"\1" + bytes(8)
        if t.startswith("weir.") and t != "weir.topk" and re.search(r"\\x(?:[0-9a-f]{2})*$", text):
            return bytes.fromhex(text.rpartition("\\x")[2])
        return (b"\1" if t == "jsonb" else b"") + text.encode()

    def load(self):
        """Changed binary forms by COPY into a table; what is taken is a value like any other."""
        t = self.r.choice([t for t in self.pool if t.startswith("weir.") and t != "weir.state" and self.pool[t]] or [None])
        if t is None:
            return
        try:
            self.c.query(f'CREATE TABLE IF NOT EXISTS "loaded {t}" (n serial, x {t})')
            data = self.binary(t)
            if data is None:
                return
            head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
            self.last.append(f"-- COPY BINARY {t} {data.hex()}")
            self.c.copy(f'COPY "loaded {t}" (x) FROM STDIN BINARY', [head + (1).to_bytes(2, "big") + len(data).to_bytes(4, "big") + data + b"\xff\xff"])
            self.loaded.add(t)
        except Error as e:
            if lost(e):
                self.failure(f"lost: {e}")
                self.connect()
            elif e.sqlstate.startswith("XX"):
                self.failure(str(e))

    def look(self):
        """The log, and that others go on."""
        for alarm in [a for a in self.server.alarms(False) if not STOCK.search(a)][:3]:
            self.failure(f"in the log: {alarm}")
        try:
            before = int(self.boss.value(f"SELECT count FROM {SCHEMA}.bystander"))
            self.boss.query(f"INSERT INTO {SCHEMA}.other VALUES (1)")
            if int(self.boss.value(f"SELECT count FROM {SCHEMA}.bystander")) != before + 1:
                self.failure("another stream's row does not count")
        except Error as e:
            self.failure(f"another stream: {e}")
            self.boss = self.server.connect()

    def go(self, seconds):
        started, looked = time.monotonic(), 0
        todo = []
        # each at least once, though the machine be slow
        while self.failures < 5 and (time.monotonic() - started < seconds or todo and time.monotonic() - started < 10 * seconds):
            if not todo:
                todo = [f for f in self.functions if f["name"] not in ALONE]
                self.r.shuffle(todo)
            f = todo.pop()
            if f["label"] in self.denied:
                self.call_as_superuser(f)
            else:
                self.call(f)
            if self.r.random() < .05:
                self.load()
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                self.look()
        self.look()
        never = [f["label"] for f in self.functions if not self.calls[f["label"]] and f["name"] not in ALONE]
        if never and not self.failures:
            self.failure(f"too little time: never called: {', '.join(never)}")
        silent = sorted(l for l in self.calls if not self.good[l])
        print(f"# errors: {dict(self.refused.most_common(12))}")
        print(f"# {len(silent)} functions gave nothing but errors: {', '.join(silent)}")
        if not self.failures:
            print(f"ok {self.n} calls of {len(self.functions)} functions")


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
    functions = Functions(Server(args.dsn, args.datadir, args.log), seed)
    functions.out = args.out
    functions.go(args.seconds)
    sys.exit(1 if functions.failures else 0)


main()
