"""kill -9 of random processes while clients insert synchronously.

    crash.py DSN DATADIR LOGFILE ROUNDS [SEED]

After every round, acknowledged rows count exactly once, others at most once, and views agree.
"""
import os
import random
import signal
import subprocess
import sys
import time

from inserter import Clients
from pq import Error, connect_when_up

dsn, datadir, logfile, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seed = sys.argv[5] if len(sys.argv) > 5 and sys.argv[5] else str(random.randrange(10**9))
r = random.Random(seed)
CHECKS = [
    ("acknowledged, not counted", "SELECT id FROM acked EXCEPT SELECT id FROM by_id"),
    ("counted more than once", "SELECT id FROM by_id WHERE count <> 1"),
    ("counted, not committed", "SELECT id FROM by_id EXCEPT SELECT id FROM t"),
    ("in one view only", "SELECT client, count(*), sum(id) FROM by_id GROUP BY client"
                         " EXCEPT ALL SELECT client, count, sum FROM by_client"),
    ("in one view only", "SELECT id FROM by_id EXCEPT ALL SELECT id FROM every"),
    ("values differ", "SELECT client, count(*), count(*), array_agg(id ORDER BY id) FROM by_id GROUP BY client"
                      " EXCEPT ALL SELECT client, count, ids, a FROM valued"),
    ("values of no group", "SELECT client FROM valued_vals1 EXCEPT SELECT client FROM valued_mrel"),
    ("in one view only", "SELECT id FROM every EXCEPT ALL SELECT id FROM by_id"),
]
VICTIMS = ["postmaster", "weir flush worker", "weir ingest worker", "weir launcher", "client backend"]


def postmaster_pid():
    with open(f"{datadir}/postmaster.pid") as f:
        return int(f.readline())


def start():
    """Start the server; processes of the dead one may take a moment to notice and go."""
    deadline = time.monotonic() + 60
    while subprocess.run(["pg_ctl", "-D", datadir, "-l", logfile, "-w", "start"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        if time.monotonic() > deadline:
            raise SystemExit("not ok the server does not start again")
        time.sleep(0.2)


def kill_postmaster():
    os.kill(postmaster_pid(), signal.SIGKILL)
    start()


def kill(victim):
    """Kill one such process; false when there is none."""
    if victim in SPECIAL:
        SPECIAL[victim]()
        return True
    deadline = time.monotonic() + 60
    pids = []
    while not pids and time.monotonic() < deadline:     # it may just be starting
        try:
            with connect_when_up(dsn) as c:
                pids = [int(p) for (p,) in c.query(
                    f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{victim}' AND pid <> pg_backend_pid()")]
        except Error as e:
            if not e.lost and not e.sqlstate.startswith("57P"):
                raise
        if not pids:
            time.sleep(0.02)
    if not pids:
        return False
    try:
        os.kill(r.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


SPECIAL = {"postmaster": kill_postmaster}


def check(acked):
    """What is wrong, as a list of texts."""
    wrong = []
    with connect_when_up(dsn) as c:
        c.query("SET statement_timeout = '60s'")
        c.query("CREATE TEMP TABLE acked (id bigint)")
        c.copy("COPY acked FROM STDIN", ["".join(f"{i}\n" for i in acked)])
        # Rows committed before the crash may be on their way still: what is not, is lost.
        c.query("SELECT weir.flush()")
        for what, sql in CHECKS:
            n = c.value(f"SELECT count(*) FROM ({sql}) x")
            if n != "0":
                rows = c.query(f"SELECT x::text FROM ({sql}) x ORDER BY 1 LIMIT 5")
                wrong.append(f"{n} {what}: " + " ".join(x for (x,) in rows))
    return wrong


def main():
    print(f"seed {seed}")
    with connect_when_up(dsn) as c:
        c.query("CREATE FOREIGN TABLE s (client int, id bigint) SERVER weir;"
                "CREATE TABLE t (client int, id bigint);"
                "CREATE VIEW by_id AS SELECT client, id, count(*) FROM s GROUP BY client, id;"
                "CREATE VIEW by_client AS SELECT client, count(*), sum(id) FROM s GROUP BY client;"
                "CREATE VIEW valued AS SELECT client, count(*), count(DISTINCT id) AS ids, array_agg(id ORDER BY id) AS a"
                " FROM s GROUP BY client;"
                "CREATE VIEW every AS SELECT id FROM s")
    clients = Clients(dsn, 4, tolerant=True, seed=seed)
    done = dict.fromkeys(VICTIMS, 0)
    for round_ in range(rounds):
        if not clients.wait_progress(r.choice([5, 20, 100]), 90):
            print(f"not ok round {round_}: no rows are acknowledged", *clients.errors())
            return
        time.sleep(r.random() * 0.1)        # anywhere in an epoch
        # Round-robin at first, so that everyone is killed; then at random.
        victim = VICTIMS[round_] if round_ < len(VICTIMS) else r.choice(VICTIMS)
        done[victim] += kill(victim)
        acked = clients.acked()
        try:
            wrong = check(acked)
        except Error as e:
            if not e.lost and not e.sqlstate.startswith("57P"):
                raise
            wrong = check(acked)            # the crash reached this connection too
        if wrong:
            print(f"not ok round {round_}, {victim}:", "; ".join(wrong))
            break
    clients.stop()
    for e in clients.errors():
        print("not ok", e)
    wrong = check(clients.acked())
    for w in wrong:
        print("not ok at the end:", w)
    if not wrong:
        print(f"ok {clients.count()} acknowledged rows counted once after {sum(done.values())} kills")
    for victim, n in done.items():
        print("ok" if n else "not ok", f"{n} kills of {victim}")


if __name__ == "__main__":
    main()
