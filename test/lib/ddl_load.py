"""DDL in a loop while four clients insert synchronously.

    ddl_load.py DSN SECONDS

Views come and go: each counts every row inserted after its CREATE VIEW returned, and none whose
COMMIT had returned before CREATE VIEW was called.
"""
import sys
import time

from inserter import Clients
from pq import Error, connect

dsn, seconds = sys.argv[1], float(sys.argv[2])


class Passing:
    """A view that is created under load, watched for a while and dropped."""

    def __init__(self, c, clients, number):
        self.name = f"passing{number}"
        self.before = set(clients.acked())
        c.query(f"CREATE VIEW {self.name} AS SELECT id, count(*) FROM s GROUP BY id")
        self.marks = clients.marks()            # whatever is sent from now on counts

    def drop(self, c, clients):
        must = {i for i in clients.acked() if i > self.marks[i // 10**9]}
        counted = dict(c.query(f"SELECT id, count FROM {self.name}"))
        wrong = []
        if early := [i for i in self.before if str(i) in counted]:
            wrong.append(f"{len(early)} rows from before it")
        if missing := [i for i in must if str(i) not in counted]:
            wrong.append(f"{len(missing)} rows missing, as {missing[:3]}")
        if double := [i for i, n in counted.items() if n != "1"]:
            wrong.append(f"{len(double)} rows counted twice")
        c.query(f"DROP VIEW {self.name}")
        return [f"{self.name}: {w}" for w in wrong]


def main():
    c = connect(dsn)
    c.query("CREATE FOREIGN TABLE s (client int, id bigint) SERVER weir;"
            "CREATE TABLE t (client int, id bigint);"
            "CREATE VIEW by_id AS SELECT client, id, count(*) FROM s GROUP BY client, id;"
            "CREATE VIEW by_client AS SELECT client, count(*), sum(id) FROM s GROUP BY client")
    clients = Clients(dsn, 4)
    clients.wait_progress(20)
    wrong, loops, commands = [], 0, 0
    deadline = time.monotonic() + seconds
    c.query("SET lock_timeout = '20s'; SET statement_timeout = '60s'")
    try:
        while time.monotonic() < deadline and not wrong and not clients.errors():
            loops += 1
            passing = Passing(c, clients, loops)
            for sql in [
                f"ALTER FOREIGN TABLE s ADD COLUMN c{loops} int",
                "ANALYZE by_client",
                "VACUUM FULL by_client_mrel",
                f"CREATE INDEX i{loops} ON by_client (client)",
                "VACUUM ANALYZE by_id_mrel",
                f"DROP INDEX i{loops}",
                "ALTER VIEW by_client RENAME TO other; ALTER VIEW other RENAME TO by_client",
                f"CREATE VIEW new AS SELECT count(c{loops}) FROM s; DROP VIEW new",
                "CREATE VIEW new AS SELECT client, count(*) FROM s GROUP BY client",
                "CREATE OR REPLACE VIEW new AS SELECT client, count(*), sum(id) FROM s GROUP BY client",
                "ALTER VIEW new RENAME TO newer",
                "DROP VIEW newer",
                "BEGIN; CREATE FOREIGN TABLE mine (x int) SERVER weir;"
                " CREATE VIEW my_view AS SELECT count(*) FROM mine; INSERT INTO mine VALUES (1); COMMIT",
                "DROP FOREIGN TABLE mine CASCADE",
            ]:
                c.query(sql)
                commands += 1
            if not clients.wait_progress(20):
                wrong.append("the clients do not get on")
            wrong += passing.drop(c, clients)
    except Error as e:
        wrong.append(f"loop {loops}: {e}")
    clients.stop()
    wrong += clients.errors()
    c.query("SELECT weir.flush()")
    for what, sql in [
        ("acknowledged rows", f"SELECT {clients.count()} = count(*) AND {clients.count()} = coalesce(sum(count), 0)"
                              " FROM by_id"),
        ("committed rows", "SELECT count(*) = (SELECT count(*) FROM t) FROM by_id"),
        ("two views", "SELECT NOT EXISTS (SELECT client, count, sum FROM by_client EXCEPT ALL"
                      " SELECT client, count(*), sum(id) FROM t GROUP BY client)"),
    ]:
        if c.value(sql) != "t":
            wrong.append(f"wrong count: {what}")
    for w in wrong:
        print("not ok", w)
    print("ok" if not wrong else "not ok", f"{loops} loops of {commands // max(loops, 1)} commands,"
                                           f" {clients.count()} rows inserted meanwhile")
    print("ok" if loops > 2 else "not ok", "the loop gets on")


main()
