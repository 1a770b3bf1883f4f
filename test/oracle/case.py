"""A case: streams, what clients insert into them, and views.  All of it follows from a seed.

A step is (client, what, ...):
    (c, "begin", isolation, when)        when rows go into the batch table: "at once", or "late": just before the commit
    (c, "commit")  (c, "rollback")  (c, "savepoint", n)  (c, "release", n)  (c, "back", n)
    (c, "sync", "on" or "off")   (c, "buffer", size)
    (c, "rows", stream, way, [row ...])     way: values, singles, copy, select, prepared
    (c, "fail", how)             a statement that fails; the transaction then rolls back (to the savepoint)
    (None, "flush")  (None, "restart")  (None, "kill", process)  (None, "set", name, value)
    (None, "view", number)       creates it           (None, "truncate", number)    empties it
    (None, "index", number, column)
Steps of clients with an open transaction are mixed with those of others.  A case with threads gives each client one, so that
they do what they do at once: then a seed gives the same steps but not the same interleaving.
"""
import random

from query import Maker
from values import TYPES

PROCESSES = ["postmaster", "weir ingest worker", "weir flush worker"]
INDEXABLE = {"int", "bool", "date", "ts", "tstz", "enum", "uuid"}


class StreamColumn:
    def __init__(self, name, type_):
        self.name, self.type = name, type_
        self.hot = None


class Stream:
    def __init__(self, r, number):
        self.name = f"s{number}"
        self.columns = []
        types = r.sample(TYPES, r.randint(3, 9))
        # without numbers and texts there is little to ask
        if not any(t.family == "int" for t in types):
            types.append(TYPES[1])
        if not any(t.family == "text" for t in types):
            types.append(TYPES[11])
        for n, t in enumerate(types):
            self.columns.append(StreamColumn(f"c{n}", t))
        for c in self.columns:
            if r.random() < .3:
                c.hot = str(c.type.make(r))
            c.nulls = r.choice([0, .02, .15, .15, .5])

    def definition(self):
        return ", ".join(["id int8"] + [f"{c.name} {c.type.name}" for c in self.columns])

    def row(self, r, id_):
        row = [str(id_)]
        for c in self.columns:
            row.append(None if r.random() < c.nulls else c.hot if c.hot is not None and r.random() < .5 else str(c.type.make(r)))
        return row


class View:
    def __init__(self, number, query, failing):
        self.name, self.query, self.failing = f"v{number}", query, failing
        self.after = 0          # ids up to this one were committed before it was created


class Case:
    def __init__(self, seed, harsh=False):
        """harsh: with restarts and kills."""
        r = self.r = random.Random(seed)
        self.seed, self.harsh = seed, harsh
        self.streams = [Stream(r, n) for n in range(r.choice([1, 1, 2]))]
        failing = r.choice([0, 0, .03, .12])
        maker = Maker(r, self.streams, failing)
        self.views = [View(n, maker.query(), maker.used_failing) for n in range(r.randint(4, 12))]
        self.next_id = 1
        self.rows = []              # earlier rows of each stream, for duplicates
        self.steps = []
        self.make_steps()

    # ---- what the clients do ----
    def make_rows(self, stream, most):
        r = self.r
        rows = []
        for _ in range(r.randint(1, most)):
            row = stream.row(r, self.next_id)
            if self.rows and r.random() < .2:
                name, old = r.choice(self.rows)
                if name == stream.name:
                    row[1:] = old[1:]
            self.next_id += 1
            rows.append(row)
        self.rows += [(stream.name, row) for row in rows[:5]]
        return rows

    def some_rows(self, client):
        r = self.r
        stream = r.choice(self.streams)
        x = r.random()
        if x < self.large:
            return (client, "rows", stream.name, "copy", self.make_rows(stream, r.choice([1000, 4000])))
        if x < .3:
            return (client, "rows", stream.name, "copy", self.make_rows(stream, r.choice([5, 60, 200])))
        way = r.choice(["values", "values", "singles", "select", "prepared"])
        return (client, "rows", stream.name, way, self.make_rows(stream, r.choice([1, 3, 20])))

    def inside(self, client, depth=0):
        """Steps inside a transaction."""
        r = self.r
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            if depth < 3 and r.random() < .25:
                yield (client, "savepoint", depth)
                yield from self.inside(client, depth + 1)
                x = r.random()
                if x < .15:
                    yield (client, "fail", r.choice(["query", "copy", "copy ends", "row"]))
                if x < .45:
                    yield (client, "back", depth)
                elif x < .8:
                    yield (client, "release", depth)
            else:
                yield self.some_rows(client)

    def transaction(self, client):
        r = self.r
        if r.random() < .15:
            yield (client, "sync", r.choice(["on", "off"]))
        if r.random() < .1:
            yield (client, "buffer", r.choice(["64kB", "1MB"]))
        if r.random() < .3:
            yield self.some_rows(client)
            return
        yield (client, "begin", r.choice(["", "", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE"]),
               r.choice(["at once", "late"]))
        yield from self.inside(client)
        yield (client, "rollback" if r.random() < .15 else "commit")

    def make_steps(self):
        r = self.r
        self.large = r.choice([0, 0, 0, .02])
        clients = r.randint(1, 4)
        self.threads = clients > 1 and r.random() < .3
        if r.random() < .5:
            for name, values in [("weir.batch_rows", [1, 2, 7, 100, 65536]), ("weir.ingest_workers", [1, 1, 2, 3]),
                                 ("weir.flush_interval", ["1ms", "20ms", "100ms", "1s"]), ("weir.batch_size", ["64kB", "16MB"])]:
                if r.random() < .5:
                    self.steps.append((None, "set", name, r.choice(values)))
        if self.harsh and r.random() < .2:
            self.steps += [(None, "set", "weir.memory", r.choice(["8MB", "16MB"])), (None, "restart")]
        late = [n for n in range(1, len(self.views)) if r.random() < .1]
        for n in range(len(self.views)):
            if n not in late:
                self.steps.append((None, "view", n))
        open_ = {}
        left = r.choice([3, 8, 15, 25])
        while left > 0 or open_:
            if left > 0 and len(open_) < clients:
                client = r.choice([c for c in range(clients) if c not in open_])
                open_[client] = self.transaction(client)
                left -= 1
            client = r.choice(list(open_))
            step = next(open_[client], None)
            if step is None:
                del open_[client]
            else:
                self.steps.append(step)
            if r.random() < .02:
                self.steps.append((None, "flush"))
            if r.random() < .03 and not open_ and late:
                self.steps.append((None, "view", late.pop()))
            if r.random() < .01 and not open_:
                self.steps.append((None, "truncate", r.randrange(len(self.views))))
            if r.random() < .02 and not open_:
                self.steps.append((None, "index", r.randrange(len(self.views)), r.randrange(4)))
            if not open_ and self.harsh and r.random() < .1:
                self.steps.append((None, "restart"))
            if self.harsh and r.random() < .02:
                self.steps.append((None, "kill", r.choice(PROCESSES)))
        self.steps += [(None, "view", n) for n in late]
        if late:
            self.steps += [s for s in self.transaction(0)]
