"""CREATE OR REPLACE VIEW in a loop while four clients insert synchronously, and one has a large transaction open.

    replace_load.py DSN LOOPS

Every row counts once in the columns that were there, whatever query took it in.  A new column counts every row
sent after the statement had returned, and none whose COMMIT had returned before it was called.
"""
import sys

from inserter import Clients
from pq import connect

dsn, loops = sys.argv[1], int(sys.argv[2])


def main():
    c = connect(dsn)
    large = connect(dsn)
    c.query("CREATE FOREIGN TABLE s (client int, id bigint) SERVER weir;"
            "CREATE TABLE t (client int, id bigint);"
            "CREATE VIEW by_id AS SELECT id, count(*) FROM s GROUP BY id;"
            "CREATE VIEW total AS SELECT count(*), sum(client) FROM s")
    clients = Clients(dsn, 4)
    clients.wait_progress(20)
    wrong, columns, seen = [], "", []
    try:
        for i in range(1, loops + 1):
            # Fed to workers while it runs: half before, half after the statement.
            large.query("SET weir.insert_buffer = '64kB'; BEGIN;"
                        f"INSERT INTO s SELECT 9, 9000000000 + {i} * 100000 + i FROM generate_series(1, 20000) i")
            before = set(clients.acked())
            columns += f", count(client + {i}) AS c{i}"
            c.query(f"CREATE OR REPLACE VIEW by_id AS SELECT id, count(*){columns} FROM s GROUP BY id")
            c.query(f"CREATE OR REPLACE VIEW total AS SELECT count(*), sum(client){columns} FROM s")
            seen.append((i, before, clients.marks()))
            large.query(f"INSERT INTO s SELECT 9, 9000000000 + {i} * 100000 + i FROM generate_series(20001, 40000) i;"
                        + ("COMMIT" if i % 2 else "ROLLBACK"))
            if not clients.wait_progress(20):
                wrong.append("the clients do not get on")
    finally:
        clients.stop()
    wrong += clients.errors()
    c.query("SELECT weir.flush()")
    n_large = 40000 * ((loops + 1) // 2)
    for what, sql in [
        ("rows", f"SELECT count(*) = (SELECT count(*) FROM t) + {n_large} AND min(count) = 1 AND max(count) = 1 FROM by_id"),
        ("total", f"SELECT count = (SELECT count(*) FROM t) + {n_large} FROM total"),
    ]:
        if c.value(sql) != "t":
            wrong.append(f"wrong count: {what}")
    for i, before, marks in seen:
        counted = {int(id): n for id, n in c.query(f"SELECT id, c{i} FROM by_id WHERE id < 9000000000")}
        if early := [id for id in before if counted[id] != "0"]:
            wrong.append(f"column {i}: {len(early)} rows from before it")
        if missing := [id for id in clients.acked() if id > marks[id // 10**9] and counted[id] != "1"]:
            wrong.append(f"column {i}: {len(missing)} rows missing, as {missing[:3]}")
    for w in wrong:
        print("not ok", w)
    print("ok" if not wrong else "not ok", f"{loops} columns added while {clients.count()} rows were inserted")


main()
