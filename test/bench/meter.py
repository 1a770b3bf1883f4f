"""What a run costs: time, CPU seconds of each kind of process, WAL bytes, memory.

    meter = Meter(connection, postmaster_pid)
    with meter.run("copy-1k", "weir"):
        ...
    meter.of("copy-1k", "weir")        # its Usages, one a round
"""
import contextlib
import os
import statistics
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
KINDS = ["backends", "ingest", "flush", "kafka", "other"]


def stat(pid):
    """(parent, own CPU seconds, those of its ended children) of a process, None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    user, system, ended_user, ended_system = (int(n) / TICK for n in fields[11:15])
    return int(fields[1]), user + system, ended_user + ended_system


def kind(pid):
    """Which of KINDS a server process is, by the title it gives itself."""
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            title = f.read()
    except OSError:
        title = ""
    for name in ("ingest", "flush", "kafka"):
        if title.startswith(f"postgres: weir {name} worker"):
            return name
    return "backends" if "[local]" in title or not title else "other"      # only sessions end during a run


def private_memory(pid):
    """Bytes that belong to the process alone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon")), 0)
    except OSError:
        return 0


class Usage:
    def __init__(self):
        self.seconds = self.wal = self.shared_peak = self.shared_limit = 0
        self.rows = None                            # what was taken in, where the run itself says so
        self.cpu = dict.fromkeys(KINDS, 0.0)
        self.cpu_each = {kind: [] for kind in KINDS}    # of the processes that still live
        self.private = dict.fromkeys(KINDS, 0)      # the largest process of the kind

    @property
    def cpu_seconds(self):
        return sum(self.cpu.values())


class Meter:
    def __init__(self, admin, postmaster):
        self.admin, self.postmaster, self.usages = admin, postmaster, {}

    def processes(self):
        """CPU seconds of each living process of the server, and of all that ended."""
        living = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            s = stat(pid)
            if s and s[0] == self.postmaster:
                living[pid] = s[1]
        return living, stat(self.postmaster)[2]

    def watch(self, usage, done):
        while not done.wait(0.2):
            for pid in self.processes()[0]:
                k = kind(pid)
                usage.private[k] = max(usage.private[k], private_memory(pid))

    def bytes_logged(self):
        return int(self.admin.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"))

    @contextlib.contextmanager
    def run(self, line, side):
        """Measures what is done inside, from a quiet server on."""
        self.admin.query("SELECT weir.flush()")
        self.admin.query("SELECT weir.stat_reset()")
        self.admin.query("CHECKPOINT")
        usage, done = Usage(), threading.Event()
        watcher = threading.Thread(target=self.watch, args=(usage, done), daemon=True)
        watcher.start()
        wal, (before, ended) = self.bytes_logged(), self.processes()
        start = time.monotonic()
        try:
            yield usage
            usage.seconds = time.monotonic() - start
            after, ended_after = self.processes()
        finally:
            done.set()
            watcher.join()
        usage.wal = self.bytes_logged() - wal
        usage.shared_limit, usage.shared_peak = map(int, self.admin.query(
            "SELECT \"limit\", peak FROM weir.stat_memory WHERE area = 'total'")[0])
        for pid, seconds in after.items():
            usage.cpu_each[kind(pid)].append(seconds - before.get(pid, 0))
        usage.cpu = {k: sum(each) for k, each in usage.cpu_each.items()}
        usage.cpu["backends"] += ended_after - ended - sum(s for pid, s in before.items() if pid not in after)
        self.usages.setdefault((line, side), []).append(usage)

    def of(self, line, side):
        return self.usages[line, side]

    def seconds(self, line, side):
        return statistics.median(u.seconds for u in self.of(line, side))

    def typical(self, line, side):
        """The round with the median time."""
        rounds = sorted(self.of(line, side), key=lambda u: u.seconds)
        return rounds[len(rounds) // 2]
