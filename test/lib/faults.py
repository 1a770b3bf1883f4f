"""What befalls a server, under a load of many kinds, with a topic beside it.

    faults.py DSN DATADIR LOGFILE ROUNDS SEED BROKER_SH BROKER_DIR WORKDIR SECONDS [short] [DISK=DIR ...]

Full file systems (data, wal, temp: those of DISK), temporary files over their limit, each worker stopped for SECONDS and
killed ROUNDS times, a standby that lags and is promoted, a base backup that is restored.  After each, every view is as a batch query over
exactly the transactions that count: those that were acknowledged, and of others each as a whole or not at all.
WEIR_FAULTS: only faults whose name contains one of these words.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import crash
import mixed_load
import topic
from pq import Error, connect, connect_when_up

datadir, logfile, rounds, seed = crash.datadir, crash.logfile, crash.rounds, crash.seed
workdir, seconds = sys.argv[8], float(sys.argv[9])
short = "short" in sys.argv[10:]
disks = dict(a.split("=", 1) for a in sys.argv[10:] if "=" in a)
DISK_ERRORS = ("53", "58")
WORKERS = ["weir flush worker", "weir ingest worker", "weir kafka worker", "weir launcher"]
# With it stopped, others of other streams go on, unless it holds a lock of shared memory at that moment.
ALONE = ["weir kafka worker", "weir launcher", "weir ingest worker"]
ROWS_TO_FORGET = 80_000


class Failed(Exception):
    pass


def pids(backend_type, dsn=None):
    with connect_when_up(dsn or crash.dsn) as c:
        return [int(p) for (p,) in c.query(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{backend_type}' ORDER BY pid")]


def until(condition, within):
    deadline = time.monotonic() + within
    while not (good := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return good


def alive():
    """Is there a postmaster?"""
    try:
        os.kill(crash.postmaster_pid(), 0)
        return True
    except (OSError, ValueError):
        return False


def up_again():
    """A server that gave up is started; returns when it takes connections."""
    deadline = time.monotonic() + 90
    while True:
        if not alive():
            crash.start()
        try:
            return connect_when_up(crash.dsn, 2).close()
        except Error:
            if time.monotonic() > deadline:
                raise Failed("the server does not come back")


# ---------------------------------------------------------------- faults

def fill(disk, hold):
    """Nothing is left on a file system, for so long."""
    with open(f"{disk}/filler", "wb", buffering=0) as f:
        deadline = time.monotonic() + hold
        while time.monotonic() < deadline:      # others free some now and then
            for size in (2**20, 2**12):
                try:
                    while True:
                        os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, size)
                except OSError:
                    pass
            time.sleep(0.02)
    os.unlink(f.name)


def full(name):
    def fault():
        load.tolerated = DISK_ERRORS
        fill(disks[name], hold)
        up_again()
    hold = seconds / 2
    return fault


def over_limit():
    """Sessions may not write temporary files; workers are no sessions."""
    load.tolerated = DISK_ERRORS
    with connect_when_up(crash.dsn) as c:
        c.query("ALTER SYSTEM SET temp_file_limit = '64kB'")
        c.query("SELECT pg_reload_conf()")
        time.sleep(seconds / 2)
        c.query("ALTER SYSTEM RESET temp_file_limit")
        c.query("SELECT pg_reload_conf()")


def stopped(worker):
    def fault():
        for attempt in range(20):
            pid = (pids(worker) or [None])[0]
            if pid is None:
                time.sleep(0.5)
                continue
            done = len(load.bystander.done)
            os.kill(pid, signal.SIGSTOP)
            try:
                goes_on = worker not in ALONE or until(lambda: len(load.bystander.done) > done + 1, 5)
                if goes_on:
                    time.sleep(seconds)
            finally:
                os.kill(pid, signal.SIGCONT)
            if goes_on:
                break
            time.sleep(crash.r.random())        # it was stopped with a lock
        else:
            raise Failed(f"each time a {worker} is stopped, all stand still")
        if worker in ALONE:
            waits = sorted(e - b for b, e in load.bystander.done[done:])
            report(len(waits) >= seconds / 2,       # a slow machine does that, too
                   f"a bystander goes on while a {worker} stands still: {len(waits)} rows, median"
                   f" {waits[len(waits) // 2] * 1000:.0f} ms, longest {waits[-1] * 1000:.0f} ms, attempt {attempt + 1}")
    return fault


def killed(victim):
    def fault():
        load.lossy = True
        if not crash.kill(victim):
            raise Failed(f"no {victim}")
        up_again()
    return fault


def immediate():
    load.lossy = True
    pg_ctl("stop", "-m", "immediate")
    crash.start()


def pg_ctl(*words, data=None):
    subprocess.run(["pg_ctl", "-D", data or datadir, "-w", *words], check=True, stdout=subprocess.DEVNULL)


# ---------------------------------------------------------------- other servers

class Copy:
    """A base backup that is taken under load, as a server beside the first."""

    def __init__(self, standby=False, *settings):
        self.dir = tempfile.mkdtemp(prefix="copy", dir=workdir)
        self.socket = tempfile.mkdtemp(prefix="weir")
        self.data = f"{self.dir}/data"
        maps = []
        with connect(crash.dsn) as c:
            for oid, location in c.query("SELECT oid, pg_tablespace_location(oid) FROM pg_tablespace"):
                if location:
                    maps += ["-T", f"{location}={self.dir}/{oid}"]
        self.before = load.acknowledged()
        subprocess.run(["pg_basebackup", "-d", crash.dsn, "-D", self.data, "-X", "stream", "-c", "fast", *maps,
                        *(["-R"] if standby else [])], check=True)
        with open(f"{self.data}/postgresql.auto.conf", "a") as f:
            f.write("".join(f"{s}\n" for s in [f"unix_socket_directories = '{self.socket}'", *settings]))
        pg_ctl("start", "-l", f"{logfile}.{os.path.basename(self.dir)}", data=self.data)
        self.dsn = " ".join(f"host={self.socket}" if w.startswith("host=") else w for w in crash.dsn.split())

    def is_exact(self, what):
        """As of its moment; then it is a server as any: rows and messages count."""
        report(load.check(self.dsn, self.before, more=topic.CHECKS), f"{what}: as of its moment")
        with connect_when_up(self.dsn) as c:
            n = int(c.value("SELECT count FROM bystander.v"))
            for i in range(20):
                c.query(f"INSERT INTO s {mixed_load.Transaction(100, i, 50).select()}")
                c.query("INSERT INTO bystander.s VALUES (1)")
            mine = c.value("SELECT count(*) FROM by_row WHERE c = 100"), c.value("SELECT sum(count) FROM transactions WHERE c = 100")
            report(int(c.value("SELECT count FROM bystander.v")) == n + 20 and mine == ("1000", "1000"), f"{what}: goes on")
            compare_topic(c, what)

    def end(self):
        pg_ctl("stop", "-m", "immediate", data=self.data)
        shutil.rmtree(self.dir)
        shutil.rmtree(self.socket)


def restored():
    copy = Copy()
    copy.is_exact("a restored base backup")
    copy.end()


def promoted(how):
    def fault():
        delay = ["recovery_min_apply_delay = '5s'"] if how == "behind" else []
        copy = Copy(True, *delay)
        with connect_when_up(copy.dsn) as standby, connect_when_up(crash.dsn) as c:
            deadline = time.monotonic() + 60
            copy.before = load.acknowledged()
            lsn = c.value("SELECT pg_current_wal_insert_lsn()")
            where = "pg_last_wal_receive_lsn()" if delay else "pg_last_wal_replay_lsn()"
            while standby.value(f"SELECT coalesce({where} >= '{lsn}', false)") != "t":
                if time.monotonic() > deadline:
                    raise Failed("the standby does not get on")
                time.sleep(0.05)
            if not delay:
                standby.query("SELECT pg_wal_replay_pause()")
                time.sleep(1)
                standby.query("ALTER SYSTEM SET primary_conninfo = ''")     # the rest it will never have
                standby.query("SELECT pg_reload_conf()")
            time.sleep(1 if short else 3)
            lag = standby.value("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())")
            lost = c.value(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{standby.value('SELECT pg_last_wal_receive_lsn()')}')")
            load.lossy = True
        pg_ctl("stop", "-m", "immediate")
        pg_ctl("promote", data=copy.data)
        print(f"promoted with {lag} bytes not replayed, {lost} never received")
        report(int(lag) > 0 and (how == "behind" or int(lost) > 0), f"a standby, {how}, lags")
        copy.is_exact(f"a promoted standby, {how}")
        copy.end()
        crash.start()
    return fault


# ---------------------------------------------------------------- all of it

def report(result, what):
    """result: true or false, or a list of what is wrong."""
    global ok
    wrong = result if isinstance(result, list) else []
    good = not wrong if isinstance(result, list) else bool(result)
    ok = ok and good
    print("ok" if good else "not ok", what, *wrong, flush=True)


def compare_topic(c, what):
    events.end()
    total, missing, extra, _ = events.compare(c)
    events.start(0.2)
    report(missing == extra == 0, f"{what}: each of {total} messages counts once ({missing} missing, {extra} extra)")


def in_turn(faults):
    def fault():
        for f in faults:
            f()
    return fault


def faults():
    """(name, what happens, how often).  The short form checks the first server once for several faults; 005_crash and 015_kafka_crash have a few kills, so the short form has none."""
    if short:
        yield "full " + ", ".join(disks), in_turn([full(d) for d in disks]), 1 if disks else 0
        yield "stopped workers", in_turn([stopped(w) for w in WORKERS]), 1
        yield "restored base backup, promoted standby", in_turn([restored, promoted("behind")]), 1
        return
    for disk in disks:
        yield f"full {disk}", full(disk), max(rounds // 3, 1)
    yield "temp_file_limit", over_limit, 1
    for worker in WORKERS:
        yield f"stopped {worker}", stopped(worker), 1
    for victim in [*WORKERS, "client backend", "postmaster", *(["broker"] if events.real else [])]:
        yield f"killed {victim}", killed(victim), rounds
    yield "immediate stop", immediate, rounds
    yield "restored base backup", restored, max(rounds // 3, 1)
    for how in ["behind", "cut off"]:
        yield f"promoted standby, {how}", promoted(how), max(rounds // 3, 1)


def run(name, fault, times):
    began, before = time.monotonic(), load.forgotten + load.counted_rows
    for round_ in range(times):
        load.lossy, load.tolerated, stuck = False, (), None
        try:
            fault()
            stuck = load.progress(90)
            wrong = [f"do not get on: {stuck}"] if stuck else load.check(lossy=load.lossy or name.startswith("full"), more=topic.CHECKS)
            if load.counted_rows > ROWS_TO_FORGET and not wrong:
                wrong = stuck = load.forget()
            if stuck:
                load.who_waits()
        except Failed as e:
            wrong = [str(e)]
        if wrong:
            report(wrong, f"{name}, round {round_ + 1}:")
            return
    if not short:
        with connect_when_up(crash.dsn) as c:
            compare_topic(c, name)
    report(True, f"{name}: exact after {times} rounds, {load.forgotten + load.counted_rows - before} rows"
                 f" ({time.monotonic() - began:.0f} s)")


def main():
    global load, events, ok
    ok = True
    print(f"seed {seed}")
    events = topic.Topic(*sys.argv[6:8])
    with connect(crash.dsn) as c:
        if "temp" in disks:
            os.mkdir(f"{disks['temp']}/files")
            c.query(f"CREATE TABLESPACE small LOCATION '{disks['temp']}/files'")
            c.query("ALTER SYSTEM SET temp_tablespaces = 'small'")
            c.query("SELECT pg_reload_conf()")
        mixed_load.create(c)
        events.create_views(c)
    crash.SPECIAL["broker"] = events.kill
    events.start(0.2)
    load = mixed_load.Load(crash.dsn, seed, largest=3000 if short else 30000, pause=0.2 if short else 0.05)
    wanted = os.environ.get("WEIR_FAULTS", "").split()
    for fault in faults():
        if ok and fault[2] and (not wanted or any(w in fault[0] for w in wanted)):
            run(*fault)
    load.end()
    with connect_when_up(crash.dsn) as c:
        compare_topic(c, "at the end")
    events.end()
    report(load.errors(), "the clients have had no other errors")


main()
