"""Clients that insert synchronously and remember what the server acknowledged."""
import random
import threading
import time

from pq import Error, connect


class Inserter(threading.Thread):
    """Inserts ids client * 10**9 + 1, 2, 3 ... into s and t, in transactions of one to ten rows.

    acked: ids whose transaction was acknowledged;  tried: the last id ever sent.
    A lost connection is an error unless tolerant; then the client reconnects and goes on with new ids.
    """

    def __init__(self, dsn, number, tolerant=False, seed=0):
        super().__init__(daemon=True)
        self.dsn, self.number, self.tolerant = dsn, number, tolerant
        self.r = random.Random(f"{seed}/{number}")
        self.tried = number * 10**9
        self.acked = []
        self.error = None
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                with connect(self.dsn) as c:
                    while not self._ended.is_set():
                        self.transaction(c)
            except Error as e:
                if not (self.tolerant and (e.lost or e.sqlstate.startswith("57P"))):
                    self.error = f"client {self.number}: {e}"
                    return
                time.sleep(0.05)

    def transaction(self, c):
        first = self.tried + 1
        self.tried += self.r.choice([1, 1, 1, 10])
        ids = list(range(first, self.tried + 1))
        values = ", ".join(f"({self.number}, {i})" for i in ids)
        both = f"INSERT INTO s (client, id) VALUES {values}; INSERT INTO t (client, id) VALUES {values}"
        if self.r.random() < .1:
            c.query(f"BEGIN; {both}; ROLLBACK")
        else:
            c.query(f"BEGIN; {both}; COMMIT")
            self.acked += ids

    def stop(self):
        self._ended.set()


class Clients:
    def __init__(self, dsn, count, **options):
        self.all = [Inserter(dsn, n + 1, **options) for n in range(count)]
        for c in self.all:
            c.start()

    def acked(self):
        """Ids acknowledged so far."""
        return [i for c in self.all for i in c.acked[:]]

    def count(self):
        return sum(len(c.acked) for c in self.all)

    def marks(self):
        """The last id each client ever sent."""
        return {c.number: c.tried for c in self.all}

    def errors(self):
        return [c.error for c in self.all if c.error]

    def wait_progress(self, rows, seconds=60):
        """Wait until that many more rows are acknowledged, and each client has had one at least."""
        start, before = time.monotonic(), [len(c.acked) for c in self.all]
        while True:
            now = [len(c.acked) for c in self.all]
            if sum(now) - sum(before) >= rows and all(n > b for n, b in zip(now, before)):
                return True
            if self.errors() or time.monotonic() - start > seconds:
                return False
            time.sleep(0.02)

    def stop(self):
        for c in self.all:
            c.stop()
        for c in self.all:
            c.join(60)
            if c.is_alive():
                c.error = c.error or f"client {c.number} hangs"
