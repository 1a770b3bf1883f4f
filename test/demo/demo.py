"""What make demo shows.

    demo.py DSN BROKER_SH BROKER_DIR RATE SECONDS
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", d) for d in ("lib", "nexmark")]
from pq import Error, connect  # noqa: E402

dsn, broker_sh, broker_dir = sys.argv[1:4]
rate, seconds = int(sys.argv[4]), int(sys.argv[5])
bids = rate * seconds
terminal = sys.stdout.isatty()
BID = "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text"
PAGES = ["/home", "/search", "/item", "/cart", "/pay", "/help"]
VIEWS = [  # name, WITH, query
    ("bids_per_minute", "", "SELECT date_trunc('minute', date_time) AS minute, count(*), sum(price), max(price)"
                            " FROM bid GROUP BY minute"),
    ("auctions", "", "SELECT auction, count(*), max(price) FROM bid GROUP BY auction"),
    ("channels", "", "SELECT channel, count(*), avg(price) FROM bid GROUP BY channel"),
    ("prices", "", "SELECT count(*), min(price), max(price), stddev(price) FROM bid"),
    ("pages", "", "SELECT page, count(*), avg(ms), max(ms) FROM visit GROUP BY page"),
    ("clients", "", "SELECT client, count(*), max(id) FROM visit GROUP BY client"),
    ("last_10_s", "WITH (sw = '10 seconds')", "SELECT count(*) FROM bid"),
]
stop = threading.Event()


def setup():
    kind = open(f"{broker_dir}/kind").read().strip()
    subprocess.run([broker_sh, "topic", "create", broker_dir, "bid", "2"], check=True)
    bootstrap = open(f"{broker_dir}/bootstrap").read().strip()
    with connect(dsn) as c:
        for sql in [
            "CREATE EXTENSION weir",
            f"CREATE SERVER kafka FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '{bootstrap}')",
            f"CREATE FOREIGN TABLE bid ({BID}) SERVER kafka"
            " OPTIONS (topic 'bid', format 'json', startup 'earliest')",
            "CREATE FOREIGN TABLE visit (client int, id bigint, page text, ms int) SERVER weir",
            *(f"CREATE VIEW {name} {options} AS {query}".replace("  ", " ") for name, options, query in VIEWS),
        ]:
            print("  " + sql)
            c.query(sql)
    return kind


def generate():
    """The bids of the whole run as JSON lines, ten times faster than time, and each client's visits."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(f"{broker_dir}/bids.json", "w") as f:
        subprocess.run([sys.executable, f"{here}/../nexmark/generator.py", "bid", "0", str(bids * 50 // 46 + 1),
                        str(rate * 50 // 46 // 10)], stdout=f, check=True)
    for client in range(4):
        r = random.Random(client)
        with open(f"{broker_dir}/visits{client}.csv", "w") as f:
            for i in range(seconds * 3000):
                f.write(f"{client},{i + 1},{r.choice(PAGES)},{r.randint(1, 500)}\n")


class Visits(threading.Thread):
    """Inserts its file, a row a transaction; the view `clients` knows where to go on after a crash."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.done = client, 0

    def run(self):
        rows = [line.rstrip("\n").split(",") for line in open(f"{broker_dir}/visits{self.client}.csv")]
        while not stop.is_set() and self.done < len(rows):
            try:
                with connect(dsn) as c:
                    c.query("SELECT weir.flush()")
                    self.done = int((c.query(f"SELECT max FROM clients WHERE client = {self.client}") or [(0,)])[0][0])
                    while not stop.is_set() and self.done < len(rows):
                        client, i, page, ms = rows[self.done]
                        c.query(f"INSERT INTO visit VALUES ({client}, {i}, '{page}', {ms})")
                        self.done += 1
            except Error:
                time.sleep(0.1)


class Picture:
    """What the views say, a few times a second on a terminal, else a line now and then."""

    def __init__(self, kind):
        self.kind, self.start, self.note, self.last_line = kind, time.monotonic(), "", 0
        self.total = 0

    def read(self, c):
        c.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
        data = {
            "bids": int(c.value("SELECT count FROM prices")),
            "recent": int(c.value("SELECT coalesce(sum(count), 0) FROM last_10_s")),
            "lag": c.value("SELECT sum(lag) FROM weir.stat_kafka"),
            "minutes": c.query("SELECT to_char(minute, 'HH24:MI'), count, round(max / 100.0, 2) FROM bids_per_minute"
                               " ORDER BY minute DESC LIMIT 4"),
            "auctions": c.query("SELECT auction, count, round(max / 100.0, 2) FROM auctions ORDER BY count DESC, auction LIMIT 5"),
            "channels": c.query("SELECT channel, count, round(avg / 100, 2) FROM channels ORDER BY count DESC LIMIT 5"),
            "pages": c.query("SELECT page, count, round(avg, 1) FROM pages ORDER BY count DESC"),
        }
        c.query("COMMIT")
        data["visits"] = sum(int(p[1]) for p in data["pages"])
        return data

    def show(self, d):
        self.total = d["bids"]
        spent = time.monotonic() - self.start
        if not terminal:
            if spent - self.last_line >= 2 or self.last_line == 0:
                self.last_line = spent
                print(f"{spent:5.1f} s  {d['bids']:>9,} bids ({d['recent'] / 10:,.0f}/s over 10 s, lag {d['lag'] or '-'})"
                      f"  {d['visits']:>8,} visits  top auction {' '.join(d['auctions'][0][:2]) if d['auctions'] else '-'}"
                      + (f"  {self.note}" if self.note else ""), flush=True)
            return
        width = min(shutil.get_terminal_size().columns, 100)
        done = min(d["bids"] / bids, 1)
        bar = "█" * int(done * (width - 30)) + "░" * (width - 30 - int(done * (width - 30)))
        lines = [f"\033[1mWeir\033[0m  continuous views over a Kafka topic ({self.kind}) and over INSERTs", "",
                 f"{bar} {done:4.0%} {spent:4.0f} s", "",
                 f"bids in views {d['bids']:>10,}    rate {d['recent'] / 10:>7,.0f}/s    lag {d['lag'] or '-':>6}"
                 f"    visits {d['visits']:>8,}", ""]
        columns = [("minute", "bids", "highest", d["minutes"]), ("auction", "bids", "highest", d["auctions"]),
                   ("channel", "bids", "average", d["channels"]), ("page", "visits", "avg ms", d["pages"])]
        for pair in (columns[:2], columns[2:]):
            lines.append("".join(f"\033[4m{a:<14}{b:>9}{c:>14}\033[0m      " for a, b, c, _ in pair))
            for row in range(6):
                cells = [t[3][row] if row < len(t[3]) else ("", "", "") for t in pair]
                lines.append("".join(f"{a:<14}{b:>9}{c:>14}      " for a, b, c in cells))
        lines += [f"\033[1m{self.note}\033[0m" if self.note else "", ""]
        sys.stdout.write("\033[H" + "".join(f"{line}\033[K\n" for line in lines) + "\033[J")
        sys.stdout.flush()


def kill_worker(kind):
    """kill -9, in front of everyone; the server restarts, and so does everything in it."""
    with connect(dsn) as c:
        pid = int(c.value(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}' LIMIT 1"))
    os.kill(pid, signal.SIGKILL)
    return f"kill -9 {pid}: the {kind} is gone. PostgreSQL restarts; nothing is lost, nothing counts twice."


def run(kind):
    picture = Picture(kind)
    with open(f"{broker_dir}/bids.json") as f:
        producer = subprocess.Popen([broker_sh, "produce", broker_dir, "bid", "-r", str(rate)], stdin=f)
    visits = [Visits(n) for n in range(4)]
    for v in visits:
        v.start()
    kills = [(0.4, "weir kafka worker"), (0.7, "weir flush worker")]
    if terminal:
        sys.stdout.write("\033[2J")
    c, produced = None, None
    while picture.total < (produced or bids):
        try:
            c = c or connect(dsn)
            picture.show(picture.read(c))
            spent = (time.monotonic() - picture.start) / seconds
            if kills and spent > kills[0][0]:
                picture.note = kill_worker(kills[0][1])
                kills.pop(0)
                if not terminal:
                    print(f"         {picture.note}", flush=True)
                    picture.note = ""
        except (Error, IndexError):
            c = None
        if producer.poll() not in (None, 0):
            sys.exit("The producer failed.")
        produced = sum(1 for _ in open(f"{broker_dir}/bids.json")) if producer.poll() == 0 and not produced else produced
        if time.monotonic() - picture.start > seconds * 3 + 60:
            sys.exit("The views do not get to the end of the topic.")
        time.sleep(0.25)
    stop.set()
    for v in visits:
        v.join(60)
    return visits


def compare(visits):
    """Each view against its query over plain tables filled from the files."""
    with connect(dsn) as c:
        c.query("SELECT weir.flush()")
        c.query(f"CREATE SCHEMA batch; SET search_path = batch; CREATE TABLE bid ({BID});"
                "CREATE TABLE visit (client int, id bigint, page text, ms int); CREATE TEMP TABLE lines (line jsonb)")
        with open(f"{broker_dir}/bids.json") as f:
            c.copy("COPY lines FROM STDIN (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')", f)
        c.query("INSERT INTO bid SELECT (jsonb_populate_record(NULL::bid, line)).* FROM lines")
        for v in visits:
            with open(f"{broker_dir}/visits{v.client}.csv") as f:
                c.copy("COPY visit FROM STDIN (FORMAT csv)", [line for _, line in zip(range(v.done), f)])
        print("\nEach view, and its query over plain tables with the same events:")
        equal = True
        for name, options, query in VIEWS:
            if options:
                continue
            view = f"SELECT * FROM public.{name}"
            rows = c.value(f"SELECT count(*) FROM public.{name}")
            events = c.value(f"SELECT sum(count) FROM public.{name}")
            wrong = c.value(f"SELECT (SELECT count(*) FROM ({view} EXCEPT ALL {query}) a)"
                            f" + (SELECT count(*) FROM ({query} EXCEPT ALL {view}) b)")
            equal = equal and wrong == "0"
            print(f"  {name:<16} {int(rows):>8,} rows of {int(events):>9,} events  "
                  + ("equal" if wrong == "0" else f"{wrong} rows DIFFER"))
        return equal


def main():
    kind = setup()
    print(f"Making {bids:,} bids and visits")
    generate()
    visits = run(kind)
    sys.exit(0 if compare(visits) else 1)


main()
