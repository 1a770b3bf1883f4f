"""A topic that messages {"id": n} go into all the time, and the views that have to have each of them once."""
import subprocess
import threading
import time

PARTITIONS = 3
# What must hold in every snapshot; (what is wrong, query that gives the wrong rows).
CHECKS = [
    ("messages counted more than once", "SELECT off FROM messages WHERE count <> 1"),
    ("partitions differ from their offsets",
     "SELECT part, count FROM partitions FULL JOIN weir.source_offsets o"
     " ON o.stream = 'events'::regclass AND o.partition = part WHERE count IS DISTINCT FROM next_offset"
     " AND coalesce(count, 0) <> coalesce(next_offset, 0)"),
    ("messages in one view only", "SELECT part, count, sum FROM partitions EXCEPT ALL"
                                  " SELECT part, count(*), sum(id) FROM messages GROUP BY part"),
]


class Topic:
    def __init__(self, broker_sh, directory):
        self.sh, self.directory = broker_sh, directory
        with open(f"{directory}/kind") as f:
            self.kind = f.read().strip()
        with open(f"{directory}/bootstrap") as f:
            self.bootstrap = f.read().strip()
        self.real = "Apache" in self.kind and self.broker("running").returncode == 0
        self.stop = threading.Event()
        self.broker("topic", "create", words=("events", str(PARTITIONS)), check=True)

    def broker(self, *verb, words=(), **options):
        return subprocess.run([self.sh, *verb, self.directory, *words], **options)

    def kill(self):
        self.broker("kill", check=True)
        self.broker("restart", check=True)

    def create_views(self, c):
        c.query(f"CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '{self.bootstrap}')")
        c.query("""CREATE FOREIGN TABLE events (id bigint, part int OPTIONS (metadata 'partition'),
                       off bigint OPTIONS (metadata 'offset'))
                       SERVER k OPTIONS (topic 'events', format 'json', startup 'earliest');
                   CREATE VIEW messages AS SELECT part, off, id, count(*) FROM events GROUP BY part, off, id;
                   CREATE VIEW partitions AS SELECT part, count(*), sum(id) FROM events GROUP BY part""")

    def produce(self, pause=0.02):
        """Messages go on through all of it; what a dead broker made of a request is the topic's to say."""
        n = 0
        while not self.stop.is_set():
            lines = "".join(f'{{"id": {n + i}}}\n' for i in range(50))
            n += 50
            self.broker("produce", words=("events", "-X", "message.timeout.ms=20000"), input=lines, text=True,
                        stderr=subprocess.DEVNULL)
            self.stop.wait(pause)

    def start(self, pause=0.02):
        self.stop.clear()
        self.producer = threading.Thread(target=self.produce, args=(pause,), daemon=True)
        self.producer.start()

    def end(self):
        self.stop.set()
        self.producer.join(60)

    def read(self):
        """Lines of partition, offset and value of all messages there are."""
        return subprocess.run(["kcat", "-C", "-e", "-q", "-b", self.bootstrap, "-t", "events", "-o", "beginning",
                               "-f", "%p\t%o\t%s\n"], capture_output=True, text=True, check=True).stdout

    def compare(self, c, seconds=90):
        """(messages, missing, counted but not there, dead letters), when the views have had time; nothing is produced meanwhile."""
        messages = self.read()
        total = messages.count("\n")
        deadline = time.monotonic() + seconds
        while int(c.value("SELECT coalesce(sum(count), 0) FROM partitions")) < total and time.monotonic() < deadline:
            time.sleep(0.1)
        c.query("CREATE TEMP TABLE topic (part int, off bigint, value jsonb)")
        c.copy("COPY topic FROM STDIN", [messages])
        view, batch = "SELECT part, off, id, count FROM messages", \
                      "SELECT part, off, (value->>'id')::bigint, 1::bigint FROM topic"
        missing = c.value(f"SELECT count(*) FROM ({batch} EXCEPT ALL {view}) x")
        extra = c.value(f"SELECT count(*) FROM ({view} EXCEPT ALL {batch}) x")
        dead = c.value("SELECT count(*) FROM weir.dead_letters")
        c.query("DROP TABLE topic")
        return total, int(missing), int(extra), int(dead)
