"""Every kind of window over NEXMark events, late ones included, with restarts and kills in between.

    windows.py DSN DATADIR LOGFILE EVENTS [SEED]

Each portion goes into the stream and an ordinary table in one transaction.  A recorder polls the views with emit = final
from the first to the last row.  At the end every view equals batch SQL over the table; for those that divert late rows, over
the table without these.
"""
import datetime
import os
import random
import signal
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{here}/../nexmark"]
from generator import Generator
from pq import Error, connect_when_up

dsn, datadir, logfile, events = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seed = sys.argv[5] if len(sys.argv) > 5 and sys.argv[5] else str(random.randrange(10**9))
r = random.Random(seed)
RATE = 100              # events a second of event time
DELAY = 4               # seconds of watermark
PORTIONS = 80
COLUMNS = {
    "person": "id bigint, name text, city text, state text, date_time timestamp",
    "auction": "id bigint, seller bigint, category bigint, date_time timestamp",
    "bid": "n bigint, portion int, auction bigint, bidder bigint, price bigint, channel text, date_time timestamp",
}
# Of window columns and a FROM clause: the same words make the view and its batch.
WINDOWS = {
    "tumble": "weir.tumble(date_time, '10 seconds')",
    "hop": "weir.hop(date_time, '2 seconds', '10 seconds')",
    "uneven": "weir.hop(date_time, '4 seconds', '10 seconds', '1 second')",
    "cumulate": "weir.cumulate(date_time, '5 seconds', '20 seconds')",
}
GAP = "500 milliseconds"
SHOWN = "count(*), sum(price), avg(price), max(price)"
POLICIES = {
    "every": "",
    "dropping": "WITH (late = drop)",
    "diverting": "WITH (late = divert, allowed_lateness = '1 second')",
    "final": "WITH (emit = final, late = divert)",
    # As "diverting", so the same rows are late.
    "streamed": "WITH (late_stream = late_bid, allowed_lateness = '1 second')",
}


def windowed(window, table):
    if window == "session":
        return (f"SELECT bidder, window_start, window_end, {SHOWN} FROM {table}, weir.session(date_time, '{GAP}')"
                " GROUP BY bidder, window_start, window_end")
    return (f"SELECT auction % 10 AS a, window_start, window_end, {SHOWN} FROM {table} bid, {WINDOWS[window]}"
            " GROUP BY a, window_start, window_end")


def batch(window, table):
    if window != "session":
        return windowed(window, table)
    return (f"SELECT bidder, min(date_time) AS window_start, max(date_time) + '{GAP}'::interval AS window_end, {SHOWN} FROM ("
            "SELECT *, sum(opens) OVER (PARTITION BY bidder ORDER BY date_time, n) AS session FROM ("
            "SELECT *, CASE WHEN date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time, n)"
            f" < '{GAP}'::interval THEN 0 ELSE 1 END AS opens FROM {table} bid) a) b GROUP BY bidder, session")


def create(c):
    for kind, columns in COLUMNS.items():
        c.query(f"CREATE SCHEMA IF NOT EXISTS batch; CREATE TABLE batch.{kind} ({columns});"
                f"CREATE FOREIGN TABLE {kind} ({columns}) SERVER weir"
                f" OPTIONS (event_time 'date_time', watermark '{DELAY} seconds')")
    c.query(f"CREATE FOREIGN TABLE late_bid ({COLUMNS['bid']}) SERVER weir OPTIONS (event_time 'date_time', watermark '30 seconds')")
    c.query("CREATE VIEW late_bids AS SELECT n, price, date_time FROM late_bid")
    c.query("CREATE VIEW late_windows WITH (late = divert) AS SELECT window_start, window_end, count(*), sum(price)"
            " FROM late_bid, weir.tumble(date_time, '10 seconds') GROUP BY 1, 2")
    c.query("CREATE VIEW arrived AS SELECT portion, count(*) FROM bid GROUP BY portion")
    for policy, options in POLICIES.items():
        for window in [*WINDOWS, "session"]:
            c.query(f"CREATE VIEW {policy}_{window} {options} AS {windowed(window, 'bid')}")
    for q in ("q5", "q7", "q8", "q11", "q12"):
        with open(f"{here}/../nexmark/{q}.sql") as f:
            text = f.read()
        c.query(text)
        if os.path.exists(f"{here}/../nexmark/batch/{q}.sql"):
            with open(f"{here}/../nexmark/batch/{q}.sql") as f:
                text = f.read()
        c.query("SET search_path = batch")
        if q == "q12":
            c.query("CREATE VIEW batch.q12 AS SELECT bidder, count(*) AS bids FROM bid GROUP BY bidder")
        else:
            c.query(text)
        c.query("RESET search_path")


def arrivals():
    """The events in the order in which they come: a few late, some in time though out of order."""
    g = Generator(RATE)
    order = []
    for n in range(events):
        delay = 0.0
        if r.random() < 0.3:
            delay = r.random() * DELAY * 0.9
        if r.random() < 0.02:
            delay = DELAY + r.random() * 60
        order.append((n / RATE + delay, n))
    order.sort()
    for _, n in order:
        yield n, *g.event(n)


def line(n, portion, kind, row):
    row = {**row, "n": n, "portion": portion}
    return "\t".join(str(row[c.split()[0]]) for c in COLUMNS[kind].split(", ")) + "\n"


class Recorder(threading.Thread):
    """Polls the views with emit = final: a row that was seen is there each time after that, the same."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.wrong, self.polls, self.stop = {}, [], 0, False

    def run(self):
        c = None
        while not self.stop and not self.wrong:
            try:
                c = c or connect_when_up(dsn)
                for window in [*WINDOWS, "session"]:
                    self.compare(window, c.query(f"SELECT v::text FROM final_{window} v"))
                self.polls += 1
            except Error as e:
                if not e.lost and not e.sqlstate.startswith("57P"):
                    self.wrong.append(str(e))
                c = None
            time.sleep(0.02 if events < 100000 else 0.5)

    def compare(self, window, rows):
        now = {row for (row,) in rows}
        gone = self.seen.get(window, set()) - now
        if gone:
            self.wrong.append(f"{window}: shown before, not now: {sorted(gone)[:3]}")
        self.seen[window] = now


def restart(how):
    if how == "kill":
        with open(f"{datadir}/postmaster.pid") as f:
            os.kill(int(f.readline()), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while subprocess.run(["pg_ctl", "-D", datadir, "-l", logfile, "-w", "start"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > deadline:
                raise SystemExit("not ok the server does not start again")
            time.sleep(0.2)
    elif how == "worker":
        with connect_when_up(dsn) as c:
            pids = c.query("SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^weir (ingest|flush)'")
            if not pids:
                return
            os.kill(int(r.choice(pids)[0]), signal.SIGKILL)
            try:
                while True:     # until the postmaster has seen it
                    c.query("SELECT pg_sleep(0.05)")
            except Error as e:
                if not e.lost and not e.sqlstate.startswith("57P"):
                    raise
        connect_when_up(dsn).close()
    else:
        subprocess.run(["pg_ctl", "-D", datadir, "-l", logfile, "-w", "-m", how, "restart"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def insert(c, rows):
    """A portion, in one transaction."""
    c.query("BEGIN")
    for kind in COLUMNS:
        lines = [text for k, text in rows if k == kind]
        names = ", ".join(column.split()[0] for column in COLUMNS[kind].split(", "))
        if lines:
            # First the streams: rows of a transaction that changed something are not handed over before the commit.
            c.copy(f"COPY {kind} ({names}) FROM STDIN", lines)
    for kind in COLUMNS:
        lines = [text for k, text in rows if k == kind]
        if lines:
            c.copy(f"COPY batch.{kind} FROM STDIN", lines)
    c.query("COMMIT")


def fill():
    """Two clients, each its own portions; restarts where both wait."""
    portions = [[] for _ in range(PORTIONS)]
    place = 0
    for n, kind, row in arrivals():
        # Persons and auctions come with their time, so that no crash takes them from one side only.
        portions[place].append((kind, line(n, place, kind, row)))
        if r.random() < PORTIONS / events and place < PORTIONS - 1:
            place += 1
    used, next_ = place + 1, 0
    while next_ < used:
        group = min(used - next_, r.choice([1, 2, 5, 10]))
        turns = [portions[next_ + i] for i in range(group)]
        errors = []

        def work(mine):
            with connect_when_up(dsn) as c:
                for rows in mine:
                    try:
                        insert(c, rows)
                    except Error as e:
                        errors.append(str(e))
        threads = [threading.Thread(target=work, args=(turns[i::2],)) for i in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise SystemExit(f"not ok insert: {errors[0]}")
        next_ += group
        if r.random() < 0.25:
            restart(r.choice(["fast", "immediate", "kill", "worker"]))
    with connect_when_up(dsn) as c:
        c.query("SELECT weir.flush()")


def same(c, name, got, expected):
    c.query("SET work_mem = '64MB'")
    rows = c.query(f"WITH got AS MATERIALIZED ({got}), expected AS MATERIALIZED ({expected})"
                   " SELECT 'view ' || a::text FROM (TABLE got EXCEPT ALL TABLE expected) a"
                   " UNION ALL SELECT 'batch ' || b::text FROM (TABLE expected EXCEPT ALL TABLE got) b LIMIT 4")
    print(f"not ok {name}: {rows}" if rows else f"ok {name}")


def main():
    print(f"seed {seed}")
    with connect_when_up(dsn) as c:
        create(c)
    recorder = Recorder()
    recorder.start()
    fill()
    # Rows far later close all windows; each view leaves them out in the comparison.
    with connect_when_up(dsn) as c:
        last = c.value("SELECT max(date_time) + '1 hour' FROM batch.bid")
        insert(c, [("bid", f"-1\t-1\t0\t-1\t0\tx\t{last}\n")])
        c.query("SELECT weir.flush()")
        real = f"window_end < '{last}'"
        for window in [*WINDOWS, "session"]:
            same(c, f"every row counts: {window}", f"SELECT * FROM every_{window}", batch(window, "batch.bid"))
            for policy in ("diverting", "final"):
                where = f"WHERE {real}" if policy == "final" else ""
                kept = (f"(SELECT * FROM batch.bid WHERE n NOT IN (SELECT (\"row\"::json ->> 'n')::bigint FROM weir.late_rows"
                        f" WHERE view = '{policy}_{window}'::regclass))")
                same(c, f"batch without the diverted rows: {policy} {window}", f"SELECT * FROM {policy}_{window} {where}",
                     f"SELECT * FROM ({batch(window, kept)}) x {where}")
            late = c.query("SELECT coalesce(sum(dropped), 0), coalesce(sum(diverted), 0) FROM weir.late_counts"
                           f" WHERE view = 'dropping_{window}'::regclass")[0]
            times = {"tumble": 1, "hop": 5, "session": 1}.get(window)
            if times:
                total = c.value(f"SELECT sum(count) FROM dropping_{window}")
                bids = c.value("SELECT count(*) FROM batch.bid")
                ok = int(total) + int(late[0]) * times == int(bids) * times and int(late[0]) > 0 and late[1] == "0"
                print(f"{'ok' if ok else 'not ok'} counted or dropped, each row: {window}"
                      + ("" if ok else f" {total} {late} {bids}"))
            diverted = c.query(f"SELECT (SELECT diverted FROM weir.late_counts WHERE view = 'final_{window}'::regclass),"
                               f" count(*), count(DISTINCT \"row\"::json ->> 'n') FROM weir.late_rows WHERE view = 'final_{window}'::regclass")[0]
            print(f"{'ok' if len(set(diverted)) == 1 and diverted[0] not in (None, '0') else 'not ok'} diverted once each: {window} {diverted}")
        for window in [*WINDOWS, "session"]:
            same(c, f"rows go to a stream as others to weir.late_rows: {window}", f"SELECT * FROM streamed_{window}", f"SELECT * FROM diverting_{window}")
        diverted = "SELECT (\"row\"::json ->> 'n')::bigint AS n FROM weir.late_rows WHERE view"
        same(c, "diverted to a stream, once by each view", "SELECT n FROM late_bids", f"{diverted}::text LIKE 'diverting%'")
        same(c, "views of that stream close their own windows", "SELECT * FROM late_windows",
             "SELECT window_start, window_end, count(*), sum(price) FROM (SELECT n, price, date_time FROM late_bids EXCEPT ALL"
             " SELECT n, price, date_time FROM batch.bid JOIN (" + diverted + " = 'late_windows'::regclass) a USING (n)) b,"
             " weir.tumble(date_time, '10 seconds') GROUP BY 1, 2")
        late = c.query("SELECT count(*), (SELECT sum(diverted) FROM weir.late_counts WHERE view::text LIKE 'streamed%') FROM late_bids")[0]
        print(f"{'ok' if late[0] == late[1] != '0' else 'not ok'} the counts of what went to a stream {late}")
        for q in ("q5", "q7", "q8", "q11"):
            same(c, f"NEXMark {q}", f"SELECT * FROM {q}", f"SELECT * FROM batch.{q}")
        same(c, "NEXMark q12", "SELECT bidder, sum(bids)::bigint FROM q12 GROUP BY bidder", "SELECT * FROM batch.q12")
        recorder.stop = True
        recorder.join()
        shown = sum(len(rows) for rows in recorder.seen.values())
        ok = not recorder.wrong and recorder.polls > 5 and shown > 100
        print(f"{'ok' if ok else 'not ok'} what was shown as final never changed: {recorder.polls} looks {recorder.wrong}")
        wrong = c.query("SELECT name, reason FROM weir.views WHERE state <> 'active'")
        dead = c.value("SELECT count(*) FROM weir.dead_letters")
        print(f"{'ok' if not wrong and dead == '0' else 'not ok'} no view is suspended, no dead letter {wrong} {dead}")


main()
