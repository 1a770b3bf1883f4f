"""Makes a failing case smaller while it still fails in the same way, and writes it as an SQL script."""
import copy
import time

from runner import Counts, Failure, Runner


class Shrinker:
    def __init__(self, server, case, failure, seconds):
        self.server, self.case, self.failure = server, case, failure
        self.deadline = time.monotonic() + seconds
        self.runner = None
        self.tries = 0

    def fails(self, case):
        self.tries += 1
        runner = Runner(self.server, case, Counts())
        try:
            runner.run()
        except Failure as f:
            if f.kind == self.failure.kind:
                self.failure, self.runner, self.case = f, runner, case
                return True
        return False

    def attempt(self, change):
        """Keep a change of a copy if it still fails."""
        if time.monotonic() > self.deadline:
            return False
        case = copy.deepcopy(self.case)
        return change(case) is not False and self.fails(case)

    def run(self):
        """True when the failure can be repeated; .runner then is the run of the smallest case."""
        if not any(self.fails(copy.deepcopy(self.case)) for _ in range(3)):
            return False
        self.views()
        if self.calm():
            self.rows()
        else:
            self.steps()
        self.queries()
        self.columns()
        self.values()
        return True

    def views(self):
        """Only the view that failed, else halves."""
        names = [v.name for v in self.case.views]
        if self.failure.view in names:
            self.attempt(lambda c: keep_views(c, [self.failure.view]))
        for name in names:
            if len(self.case.views) > 1:
                self.attempt(lambda c: keep_views(c, [v.name for v in c.views if v.name != name]))

    def calm(self):
        """One client that inserts all in one statement, or row by row."""
        def all_rows(case, size):
            rows = {}
            views = [s for s in case.steps if s[1] == "view"]
            for s in case.steps:
                if s[1] == "rows":
                    rows.setdefault(s[2], []).extend(s[4])
            case.steps, case.threads = views, False
            for stream, list_ in rows.items():
                case.steps += [(0, "rows", stream, "values", list_[n:n + size]) for n in range(0, len(list_), size)]
        return any(self.attempt(lambda c: all_rows(c, size)) for size in (100000, 50, 5, 1))

    def steps(self):
        def one_by_one(case):
            case.threads = False
        self.attempt(one_by_one)
        for what in ("kill", "restart", "flush", "set", "sync", "buffer", "fail", "truncate", "index", "savepoint"):
            def without(case):
                gone = {"savepoint": ("savepoint", "release", "back")}.get(what, (what,))
                before = len(case.steps)
                case.steps = [s for s in case.steps if s[1] not in gone]
                return len(case.steps) < before
            self.attempt(without)
        self.halve(lambda c: sorted({n for n in numbered(c) if n}), drop_transactions)
        self.halve(lambda c: [n for n, s in enumerate(c.steps) if s[1] == "rows"], drop_steps)
        self.rows()

    def rows(self):
        def places(case):
            return [(n, m) for n, s in enumerate(case.steps) if s[1] == "rows" for m in range(len(s[4]))]
        self.halve(places, drop_rows)

    def halve(self, places, drop):
        """Delta debugging: leave out ever smaller parts."""
        n = 2
        while time.monotonic() < self.deadline:
            all_ = places(self.case)
            if not all_:
                return
            size = max(1, len(all_) // n)
            done = False
            for start in range(0, len(all_), size):
                part = set(all_[start:start + size])
                if self.attempt(lambda c: drop(c, part)):
                    done = True
                    break
            if not done:
                if size == 1:
                    return
                n *= 2

    def queries(self):
        for n in range(len(self.case.views)):
            again = True
            while again and time.monotonic() < self.deadline:
                again = False
                for q in self.case.views[n].query.smaller():
                    def change(case):
                        case.views[n].query = q
                    if self.attempt(change):
                        again = True
                        break

    def columns(self):
        """Streams without columns that no view names."""
        for s in self.case.streams:
            for c in s.columns:
                def without(case):
                    if any(v.query.sql().find(f".{c.name}") >= 0 for v in case.views):
                        return False
                    stream = next(x for x in case.streams if x.name == s.name)
                    n = [x.name for x in stream.columns].index(c.name)
                    del stream.columns[n]
                    for step in case.steps:
                        if step[1] == "rows" and step[2] == s.name:
                            for row in step[4]:
                                del row[n + 1]
                self.attempt(without)
            if not any(f"@{s.name}@" in v.query.sql() for v in self.case.views) and len(self.case.streams) > 1:
                def gone(case):
                    case.streams = [x for x in case.streams if x.name != s.name]
                    case.steps = [x for x in case.steps if not (x[1] == "rows" and x[2] == s.name)]
                self.attempt(gone)

    def values(self):
        """NULL for what does not matter."""
        for n, step in enumerate(self.case.steps):
            if step[1] != "rows" or len(step[4]) > 30:
                continue
            for m, row in enumerate(step[4]):
                for column in range(1, len(row)):
                    if row[column] is None:
                        continue

                    def null(case):
                        case.steps[n][4][m][column] = None
                    self.attempt(null)


OF_VIEWS = ("view", "truncate", "index")


def keep_views(case, names):
    numbers = {n: names.index(v.name) for n, v in enumerate(case.views) if v.name in names}
    case.views = [v for v in case.views if v.name in names]
    case.steps = [(None, s[1], numbers[s[2]], *s[3:]) if s[1] in OF_VIEWS else s for s in case.steps
                  if s[1] not in OF_VIEWS or s[2] in numbers]


def drop_steps(case, part):
    case.steps = [s for n, s in enumerate(case.steps) if n not in part]


def numbered(case):
    """For each step the number of its transaction, None outside of one."""
    open_, numbers, n = {}, [], 0
    for client, what, *_ in case.steps:
        if what == "begin":
            open_[client] = n = n + 1
        numbers.append(open_.get(client))
        if what in ("commit", "rollback"):
            open_.pop(client, None)
    return numbers


def drop_transactions(case, part):
    case.steps = [s for s, n in zip(case.steps, numbered(case)) if n not in part]


def drop_rows(case, part):
    steps = []
    for n, s in enumerate(case.steps):
        if s[1] == "rows":
            left = [row for m, row in enumerate(s[4]) if (n, m) not in part]
            if not left:
                continue
            s = s[:4] + (left,)
        steps.append(s)
    case.steps = steps


def script(runner, failure, seed):
    """The run as SQL for psql.  What several clients did is in the order in which it was done, with their names."""
    lines = [f"-- seed {seed}", *(f"-- {line}" for line in str(failure).splitlines()), ""]
    clients = {c for c, _ in runner.script if c is not None}
    for client, sql in runner.script:
        if client is not None and len(clients) > 1:
            lines.append(f"-- client {client}:")
        lines.append(sql if sql.startswith("--") or sql.endswith("\\.") else sql + ";")
    for v in runner.case.views:
        lines += ["", f"TABLE {v.name};", runner.batch_sql(v) + ";"]
    return "\n".join(lines) + "\n"
