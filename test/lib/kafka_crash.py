"""crash.py with a topic beside the inserting clients; the Kafka worker and the broker die too.

    kafka_crash.py DSN DATADIR LOGFILE ROUNDS SEED BROKER_SH BROKER_DIR
"""
import sys

import crash
import topic
from pq import connect, connect_when_up


def main():
    events = topic.Topic(*sys.argv[6:8])
    print("broker:", events.kind)
    with connect(crash.dsn) as c:
        events.create_views(c)
    crash.CHECKS += topic.CHECKS
    crash.VICTIMS.insert(0, "weir kafka worker")
    if events.real:
        crash.SPECIAL["broker"] = events.kill
        crash.VICTIMS.insert(1, "broker")
    else:
        print("the emulated broker keeps nothing over a kill: it is left alone")
    events.start()
    crash.main()
    events.end()

    with connect_when_up(crash.dsn) as c:
        total, missing, extra, dead = events.compare(c)
    print("ok" if total > 500 else "not ok", f"{total} messages in the topic")
    print("ok" if (missing, extra, dead) == (0, 0, 0) else "not ok",
          f"every message counts once ({missing} missing, {extra} extra, {dead} dead letters)")


main()
