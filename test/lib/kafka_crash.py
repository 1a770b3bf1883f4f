"""crash.py with a topic beside the inserting clients; the Kafka worker and the broker die too.

    kafka_crash.py DSN DATADIR LOGFILE ROUNDS SEED BROKER_SH BROKER_DIR
"""
import subprocess
import sys
import threading

import crash
from pq import connect, connect_when_up

broker_sh, broker_dir = sys.argv[6], sys.argv[7]
PARTITIONS = 3
stop = threading.Event()


def broker(*words, **options):
    return subprocess.run([broker_sh, *words], **options)


def kill_broker():
    broker("kill", broker_dir, check=True)
    broker("restart", broker_dir, check=True)


def produce():
    """Messages go on through all of it; what a dead broker made of a request is the topic's to say."""
    n = 0
    while not stop.is_set():
        lines = "".join(f'{{"id": {n + i}}}\n' for i in range(50))
        n += 50
        broker("produce", broker_dir, "events", "-X", "message.timeout.ms=20000", input=lines, text=True,
               stderr=subprocess.DEVNULL)
        stop.wait(0.02)


def topic():
    """(partition, offset, value) of all messages there are."""
    with open(f"{broker_dir}/bootstrap") as f:
        bootstrap = f.read().strip()
    out = subprocess.run(["kcat", "-C", "-e", "-q", "-b", bootstrap, "-t", "events", "-o", "beginning",
                          "-f", "%p\t%o\t%s\n"], capture_output=True, text=True, check=True).stdout
    return out


def main():
    real = broker("running", broker_dir).returncode == 0 and "Apache" in open(f"{broker_dir}/kind").read()
    print("broker:", open(f"{broker_dir}/kind").read().strip())
    broker("topic", "create", broker_dir, "events", str(PARTITIONS), check=True)
    with open(f"{broker_dir}/bootstrap") as f:
        bootstrap = f.read().strip()
    with connect(crash.dsn) as c:
        c.query(f"CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '{bootstrap}')")
        c.query("""CREATE FOREIGN TABLE events (id bigint, part int OPTIONS (metadata 'partition'),
                       off bigint OPTIONS (metadata 'offset'))
                       SERVER k OPTIONS (topic 'events', format 'json', startup 'earliest');
                   CREATE VIEW messages AS SELECT part, off, id, count(*) FROM events GROUP BY part, off, id;
                   CREATE VIEW partitions AS SELECT part, count(*), sum(id) FROM events GROUP BY part""")
    crash.CHECKS += [
        ("messages counted more than once", "SELECT off FROM messages WHERE count <> 1"),
        ("partitions differ from their offsets",
         "SELECT part, count FROM partitions FULL JOIN weir.kafka_offsets o"
         " ON o.stream = 'events'::regclass AND o.partition = part WHERE count IS DISTINCT FROM next_offset"
         " AND coalesce(count, 0) <> coalesce(next_offset, 0)"),
        ("messages in one view only", "SELECT part, count, sum FROM partitions EXCEPT ALL"
                                      " SELECT part, count(*), sum(id) FROM messages GROUP BY part"),
    ]
    crash.VICTIMS.insert(0, "weir kafka worker")
    if real:
        crash.SPECIAL["broker"] = kill_broker
        crash.VICTIMS.insert(1, "broker")
    else:
        print("the emulated broker keeps nothing over a kill: it is left alone")
    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    crash.main()
    stop.set()
    producer.join(60)

    messages = topic()
    total = messages.count("\n")
    with connect_when_up(crash.dsn) as c:
        deadline = crash.time.monotonic() + 90
        while int(c.value("SELECT coalesce(sum(count), 0) FROM partitions")) < total and crash.time.monotonic() < deadline:
            crash.time.sleep(0.1)
        c.query("CREATE TEMP TABLE topic (part int, off bigint, value jsonb)")
        c.copy("COPY topic FROM STDIN", [messages])
        view, batch = "SELECT part, off, id, count FROM messages", \
                      "SELECT part, off, (value->>'id')::bigint, 1::bigint FROM topic"
        missing = c.value(f"SELECT count(*) FROM ({batch} EXCEPT ALL {view}) x")
        extra = c.value(f"SELECT count(*) FROM ({view} EXCEPT ALL {batch}) x")
        dead = c.value("SELECT count(*) FROM weir.dead_letters")
    print("ok" if total > 500 else "not ok", f"{total} messages in the topic")
    print("ok" if (missing, extra, dead) == ("0", "0", "0") else "not ok",
          f"every message counts once ({missing} missing, {extra} extra, {dead} dead letters)")


main()
