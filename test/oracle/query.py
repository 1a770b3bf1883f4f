"""Random queries over streams, from the tables of grammar.py.

A query is kept in pieces, so that shrink.py can leave some out.  The text names streams @s0@, @s1@: the view reads the
stream in this place, the batch query the table with the same rows.
"""
import copy
import re

import grammar

# Families of which equal values may look different (1.0 and 1.00): it is open which of them is shown for a group.
AMBIGUOUS = {"num", "wild", "ci", "interval", "jsonb"}

UNORDERED = {"bool", "uuid", "bytea", "jsonb", "range", "pair", "bit"}      # no min and max


class Column:
    """A column that an expression may use."""

    def __init__(self, sql, family):
        self.sql, self.family = sql, family
        self.ordered, self.hashable = family not in UNORDERED, family != "bit"      # min and max; GROUP BY


class Item:
    """A column of the result.  kind: exact, ambig, float, or an expression with {} that makes it comparable."""

    def __init__(self, sql, kind, role, family):
        self.sql, self.kind, self.role, self.family = sql, kind, role, family


class Query:
    def __init__(self):
        self.items, self.where, self.group, self.having = [], [], [], []
        self.source, self.cte = "", ""
        self.distinct, self.order, self.limit = "", "", None
        self.grouping = "{}"        # GROUP BY what is made of the keys
        self.unions = []            # further branches: (source, where)
        self.options = ""           # WITH (...) of the view

    def sql(self):
        q = self.cte + "SELECT " + self.distinct
        q += ", ".join(f"{i.sql} AS o{n}" for n, i in enumerate(self.items))
        q += f" FROM {self.source}"
        if self.where:
            q += " WHERE " + " AND ".join(self.where)
        if self.group:
            q += " GROUP BY " + self.grouping.format(", ".join(self.group))
        if self.having:
            q += " HAVING " + " AND ".join(self.having)
        if self.order:
            q += " ORDER BY " + self.order
        if self.limit is not None:
            q += f" LIMIT {self.limit}"
        return q

    def columns(self):
        return [f"o{n}" for n in range(len(self.items))]

    def kinds(self):
        return [i.kind for i in self.items]

    def streams(self):
        return sorted(set(re.findall("@(s[0-9])@", self.sql())))

    def taken_together(self, r):
        """For a plain query over groups: that over fewer keys, and the keys and aggregates left; else None."""
        if not self.group or self.having or self.distinct or self.order or self.grouping != "{}":
            return None
        q = copy.deepcopy(self)
        keys = [i.sql for i in self.items if i.role == "key" and r.random() < .5]
        # columns whose values are kept in rows of their own
        hard = re.compile(r"\((DISTINCT )|WITHIN GROUP|ORDER BY") if r.random() < .8 else re.compile("$.")
        numbers = [n for n, i in enumerate(self.items) if i.role == "agg" and not hard.search(i.sql) or i.sql in keys]
        if not any(self.items[n].role == "agg" for n in numbers):
            return None
        q.group, q.items = keys, [q.items[n] for n in numbers]
        return q, numbers

    def smaller(self):
        """Queries with a piece less, for shrinking."""
        def but(**change):
            q = copy.deepcopy(self)
            q.__dict__.update(change)
            return q
        if self.limit is not None:
            yield but(limit=None)
        if self.order:
            yield but(order="", limit=None)
        if self.distinct:
            yield but(distinct="")
        if self.grouping != "{}":
            yield but(grouping="{}")
        if self.options:
            yield but(options="")
        for name in ("where", "having"):
            pieces = getattr(self, name)
            for n in range(len(pieces)):
                yield but(**{name: pieces[:n] + pieces[n + 1:]})
        if len(self.items) > 1:
            for n in range(len(self.items)):
                yield but(items=self.items[:n] + self.items[n + 1:])
        for n, i in enumerate(self.items):      # without FILTER
            short = re.sub(r" FILTER \(WHERE .*\)$", "", i.sql)
            if short != i.sql:
                items = copy.deepcopy(self.items)
                items[n].sql = short
                yield but(items=items)
        for n in range(len(self.group)):
            if self.grouping != "{}":
                break
            key = self.group[n]
            items = [i for i in self.items if i.sql != key]
            if items and len(self.group) > 1:
                yield but(group=self.group[:n] + self.group[n + 1:], items=items)


class Maker:
    """Makes the queries of a case.  failing: how often expressions that fail for some rows are taken."""

    def __init__(self, r, streams, failing=.03):
        self.r, self.streams, self.failing = r, streams, failing
        self.scope = []
        self.used_failing = False

    # ---- expressions ----
    def column(self, family):
        fits = [c for c in self.scope if c.family == family or c.family != "id" and
                (family == "any" or (family == "ordered" and c.ordered) or (family == "hashable" and c.hashable))]
        return self.r.choice(fits) if fits else None

    def expression(self, family, depth=2):
        """An expression of a family as (text, family), or None when there is none."""
        r = self.r
        if family in grammar.NARROW:
            base, text = grammar.NARROW[family]
            inner = self.expression(base, depth)
            return inner and (text.format(inner[0]), base)
        if family in ("any", "ordered", "hashable"):
            c = self.column(family)
            if c is None:
                return None
            if r.random() < .7 or depth == 0:
                return c.sql, c.family
            family = c.family
        x = r.random()
        c = self.column(family)
        if c and (depth == 0 or x < .6):
            return c.sql, family
        if x > .96 and family in grammar.CONSTANTS:
            return r.choice(grammar.CONSTANTS[family]), family
        if depth > 0:
            failing = r.random() < self.failing
            table = grammar.FAILING if failing else grammar.SCALARS
            fits = [e for e in table if e[0] == family]
            r.shuffle(fits)
            for _, text, args in fits[:4]:
                inner = [self.expression(a, depth - 1) for a in args]
                if all(inner):
                    self.used_failing |= failing
                    return text.format(*(i[0] for i in inner)), family
        if c:
            return c.sql, family
        if family in grammar.CONSTANTS:
            return r.choice(grammar.CONSTANTS[family]), family
        return None

    def some_expression(self, hashable=False, depth=2):
        for _ in range(20):
            families = [c.family for c in self.scope if c.family != "id" and c.hashable or not hashable]
            families += ["int", "text", "bool", "num", "ts"]
            family = self.r.choice(families)
            e = self.expression(family, depth)
            # a bare constant would be an ordinal or of unknown type
            if e and (family != "bit" or not hashable) and not re.fullmatch(r"[-\d.']*|''|'\w*'|\w+::\w+|true|false", e[0]):
                return e
        c = next(c for c in self.scope if c.family not in ("id", "bit"))
        return c.sql, c.family

    def condition(self, depth=2):
        e = self.expression("bool", depth)
        return e[0] if e else "true"

    # ---- aggregates ----
    def aggregate(self):
        """(text, family, kind)"""
        r = self.r
        for _ in range(20):
            entry = r.choice(grammar.AGGREGATES[:grammar.RARE] if r.random() < .75 else grammar.AGGREGATES[grammar.RARE:])
            family, text, args = entry[:3]
            kind = entry[3] if len(entry) > 3 else "exact"
            inner = [self.expression(a, 2) for a in args]
            if not all(inner):
                continue
            sql = text.format(*(i[0] for i in inner))
            if family == "same":
                family = inner[0][1]
                if family in AMBIGUOUS:
                    kind = "ambig"
            if r.random() < .15:
                sql += f" FILTER (WHERE {self.condition(1)})"
            return sql, family, kind
        return "count(*)", "int", "exact"

    def over_aggregates(self):
        """An expression over several aggregates."""
        family, text, args = self.r.choice(grammar.ON_TOP)
        found = []
        for a in args:
            for _ in range(30):
                sql, f, kind = self.aggregate()
                if f == a and kind == "exact":
                    found.append(sql)
                    break
            else:
                return None
        return text.format(*found), family, "exact"

    # ---- what is read ----
    def stream_columns(self, stream, alias):
        return [Column(f"{alias}.id", "id")] + [Column(f"{alias}.{c.name}", c.type.family) for c in stream.columns]

    def fill(self, text, depth=1):
        """Replace {family} in a text by expressions; None when there is none."""
        def one(match):
            e = self.expression(match.group(1), depth)
            if e is None:
                raise LookupError
            return e[0]
        try:
            return re.sub(r"\{(\w+)\}", one, text)
        except LookupError:
            return None

    def source(self, q, grouped):
        r = self.r
        stream = r.choice(self.streams)
        x = r.random()
        self.scope = self.stream_columns(stream, "a")
        q.source = f"@{stream.name}@ a"
        if x < .68:
            pass
        elif x < .95:
            # a subquery or a CTE that projects and filters
            columns = [("a.id", "id", "id")]
            for n in range(r.randint(2, 5)):
                e = self.some_expression(depth=1) if r.random() < .4 else None
                if e is None:
                    c = r.choice([c for c in self.scope if c.family != "id"])
                    e = (c.sql, c.family)
                columns.append((e[0], f"e{n}", e[1]))
            where = f" WHERE {self.condition(1)}" if r.random() < .5 else ""
            several = False
            if grouped and x <= .88 and r.random() < .12:
                # a set-returning function: a row may come several times
                family, text, families = r.choice(grammar.SETS)
                arguments = [self.column(f) for f in families]
                if all(arguments):
                    several = True
                    columns.append((text.format(*[a.sql for a in arguments]), f"e{len(columns)}", family))
            inner = "SELECT " + ", ".join(f"{s} AS {n}" for s, n, _ in columns) + f" FROM @{stream.name}@ a{where}"
            if x <= .88 and r.random() < .1:
                inner = inner.replace("@ a", "@ a JOIN z ON z.one < 2", 1)
                inner = f"WITH z AS (SELECT one FROM (VALUES (1), (2)) v (one)) {inner}"
            if x > .88:
                # branches of the same shape: other streams by their columns of the same families
                other = r.choice(self.streams)
                self.scope = self.stream_columns(other, "b")
                branch = []
                for s, n, family in columns:
                    e = self.expression(family, 1)
                    branch.append(e[0] if e else s.replace("a.", "b.") if other is stream else None)
                if all(branch):
                    inner += f" UNION ALL SELECT {', '.join(branch)} FROM @{other.name}@ b"
            if x < .8 or "UNION" in inner:
                q.source = f"({inner}) q"
            else:
                q.cte, q.source = f"WITH q AS ({inner}) ", "q"
            self.scope = [Column(f"q.{n}", family) for _, n, family in columns if not (several and family == "id")]
        else:
            for c in self.scope:
                c.sql = c.sql.removeprefix("a.")
        if r.random() < .22:
            text, columns = r.choice(grammar.JOINS)
            text = self.fill(text.replace("{from}", "\0"))
            if text:
                q.source = text.replace("\0", q.source)
                self.scope += [Column(c, f) for c, f in columns.items()]
        elif r.random() < .08:
            text, columns = r.choice(grammar.TIME_WINDOWS)
            # An infinite time is an error, which is not met where nobody wants the window.
            text = self.fill(text if grouped else re.sub(r"\{(\w+)\}", r"{f\1}", text), 0)
            if text and "NULL" not in text:
                q.source = f"{q.source}, {text} w"
                self.scope += [Column(f"w.{c}", f) for c, f in columns.items()] * 2

        if "UNION" in q.source or " w" in q.source[-2:] or "j" in {c.sql[0] for c in self.scope}:
            # a row may come several times
            self.scope = [c for c in self.scope if c.family != "id"]
        if "j" in {c.sql[0] for c in self.scope}:
            # What fails for a row of the table alone does so even with no row of the stream, if the plan wants it first.
            self.failing = 0

    # ---- queries ----
    def query(self):
        often = self.failing
        try:
            return self.make_query()
        finally:
            self.failing = often

    def make_query(self):
        r, q = self.r, Query()
        self.used_failing = False
        x = r.random()
        self.source(q, x < .68)
        if r.random() < .04:
            # each of its columns the same
            text = r.choice(grammar.SLIDING)
            family = re.search(r"\{(\w+)\}", text).group(1)
            column = self.column(family)
            if column:
                q.where.append(text.replace("{%s}" % family, column.sql))
        for _ in range(r.choice([0, 0, 1, 1, 2])):
            q.where.append(self.condition())
        if x < .68:
            self.grouped(q)
        elif x < .78:
            self.aggregates(q, r.randint(1, 5))
            if r.random() < .1:
                self.having(q)
        elif x < .9:
            self.log(q)
        else:
            self.log(q)
            q.distinct = "DISTINCT "
        if any(i.kind == "float" for i in q.items) and any(i.kind == "ambig" for i in q.items):
            q.items = [i for i in q.items if i.kind != "float"]
            if not q.items:
                q.items = [Item("count(*)", "exact", "agg", "int")]
        r.shuffle(q.items)
        times = [n for n, i in enumerate(q.items) if i.role == "key" and i.family in ("ts", "tstz", "date")]
        if times and r.random() < .25:
            q.options = r.choice(grammar.PARTITIONS).format(column=f"o{times[0]}")
        elif r.random() < .05:
            q.options = f"fillfactor = {r.randint(50, 100)}"
        return q

    def aggregates(self, q, count):
        for _ in range(count):
            a = self.over_aggregates() if self.r.random() < .12 else None
            sql, family, kind = a or self.aggregate()
            q.items.append(Item(sql, kind, "over" if a else "agg", family))

    def having(self, q):
        text = self.fill(self.r.choice(grammar.HAVING))
        if text:
            q.having.append(text)

    def log(self, q):
        seen = set()
        for _ in range(self.r.randint(1, 6)):
            sql, family = self.some_expression(hashable=True)
            if sql not in seen:
                seen.add(sql)
                q.items.append(Item(sql, "exact", "plain", family))
        if self.r.random() < .06:
            family, text, args = self.r.choice(grammar.SETS)
            inner = [self.expression(a, 1) for a in args]
            if all(inner):
                q.items.append(Item(text.format(*(i[0] for i in inner)), "exact", "plain", family))
        # DISTINCT keeps one of equal rows
        for i in q.items:
            if i.family in AMBIGUOUS:
                i.kind = "ambig"

    def grouped(self, q):
        r = self.r
        windowed = [c for c in self.scope if c.sql.startswith("w.")]
        for n in range(r.choice([1, 1, 1, 2, 2, 3, 5])):
            if n == 0 and windowed:
                e = (windowed[0].sql, windowed[0].family)
            else:
                e = self.some_expression(hashable=True)
            if e[0] not in q.group and not e[0].isdigit():
                q.group.append(e[0])
                kind = "ambig" if e[1] in AMBIGUOUS else "exact"
                if r.random() < .92:
                    q.items.append(Item(e[0], kind, "key", e[1]))
        keys = list(q.group)
        self.aggregates(q, r.randint(0 if q.items else 1, 5))
        if r.random() < .15:
            self.having(q)
        all_keys = ", ".join(keys)
        if r.random() < .12:
            sql = r.choice(grammar.WINDOWS).format(keys=all_keys, key=r.choice(keys))
            q.items.append(Item(sql, "exact", "window", "int"))
        if r.random() < .1:
            q.order = ", ".join(k + r.choice(["", " DESC", " NULLS FIRST"]) for k in keys)
            if r.random() < .7:
                q.limit = r.choice([0, 1, 3, 10])
        elif r.random() < .03 and len(q.items) > 1:
            q.distinct = "DISTINCT "
        elif r.random() < .03:
            key = r.choice(keys)
            q.distinct, q.order = f"DISTINCT ON ({key}) ", ", ".join([key] + [k for k in keys if k != key])
        if r.random() < .04 and len(keys) > 1 and not q.order:
            q.grouping = r.choice(["ROLLUP ({})", "CUBE ({})", "GROUPING SETS (({}), ())"])
