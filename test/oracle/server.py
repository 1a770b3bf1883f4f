"""The server under test: connections, restarts, kills, and what its log says."""
import os
import re
import signal
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{here}/../lib"]
from pq import Error, connect, connect_when_up

# What no input may bring about.  Signals that the tester sends are left out by the caller.
ALARM = re.compile(r"\bXX00[012] (?:ERROR|FATAL|PANIC|WARNING)|TRAP:|PANIC:|terminated by signal|invalid memory alloc request|"
                   r"exited with exit code [2-9]|out of memory")


class Server:
    """datadir may be '': then nothing is restarted or killed.  The log's lines are to have the SQLSTATE (%e)."""

    def __init__(self, dsn, datadir, logfile):
        self.dsn, self.datadir, self.logfile = dsn, datadir, logfile
        self.read = os.path.getsize(logfile) if logfile and os.path.exists(logfile) else 0

    def connect(self):
        """A connection, as soon as the server takes one."""
        c = connect_when_up(self.dsn)
        # To compile a plan with a subquery for each aggregate over many partitions takes far longer than to run it.
        c.query("SET statement_timeout = '60s'; SET jit = off")
        return c

    def restart(self):
        self._pg_ctl("-m", "fast", "stop")
        self.start()

    def start(self):
        deadline = time.monotonic() + 60
        while self._pg_ctl("-l", self.logfile, "start") != 0:
            if time.monotonic() > deadline:
                raise SystemExit("the server does not start again")
            time.sleep(.2)

    def _pg_ctl(self, *args):
        return subprocess.run(["pg_ctl", "-D", self.datadir, "-w", *args],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    def kill(self, process):
        """kill -9 of a process, which exists; the server comes up again by itself or by us."""
        if process == "postmaster":
            with open(f"{self.datadir}/postmaster.pid") as f:
                os.kill(int(f.readline()), signal.SIGKILL)
            self.start()
            return
        deadline = time.monotonic() + 60
        while True:         # it may just be starting
            with self.connect() as c:
                pids = c.query(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{process}'")
            if pids:
                os.kill(int(pids[0][0]), signal.SIGKILL)
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"there is no {process}")
            time.sleep(.02)

    def alarms(self, killed):
        """Lines of the log since the last call that tell of an internal error or a crash."""
        if not self.logfile:
            return []
        with open(self.logfile, errors="replace") as f:
            f.seek(self.read)
            text = f.read()
            self.read = f.tell()
        return [line for line in text.splitlines() if ALARM.search(line) and not
                (killed and ("terminated by signal 9" in line or "exited with exit code 2" in line))]


def lost(error):
    """The connection ended, or the server is going down or coming up."""
    return error.lost or error.sqlstate.startswith("57P")
