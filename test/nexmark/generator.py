"""The events of NEXMark, an auction site: person, auction and bid, told by their number alone.

    generator.py KIND FIRST LAST RATE [BASE]    JSON lines of events FIRST <= n < LAST of a kind (person,
                                                auction, bid or all), RATE events a second from BASE on

Event n is always the same event: its random numbers come from a hash of n.
"""
import datetime
import json
import sys

BASE = "2026-03-01 00:00:00"
STATES = ["AZ", "CA", "ID", "OR", "WA", "WY"]
CITIES = ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"]
HOT_CHANNELS = ["Google", "Facebook", "Baidu", "Apple"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MASK = (1 << 64) - 1


class Random:
    """splitmix64: a stream of numbers for a seed, cheap to start."""

    def __init__(self, seed):
        self.state = seed
        self.state = self.next() ^ 0x5DEECE66D     # neighbours do not share their numbers

    def next(self):
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def unit(self):
        return (self.next() >> 11) / (1 << 53)

    def text(self, most, blank=" "):
        n = 3 + self.below(most - 3)
        chars = []
        while len(chars) < n:
            z = self.next()
            for _ in range(min(8, n - len(chars))):
                c, z = z & 255, z >> 8
                chars.append(blank if c % 13 == 0 else LETTERS[c % 26])
        return "".join(chars)

    def price(self):
        return round(10 ** (6 * self.unit()) * 100)


def last_person(n):
    return n // 50


def last_auction(n):
    e, o = divmod(n, 50)
    if o == 0:
        return (e - 1) * 3 + 2
    return e * 3 + min(o, 3) - 1


def random_person(r, n):
    people = last_person(n) + 1
    active = min(people, 1000)
    return people - active + r.below(active + 10)


def random_auction(r, n):
    last = last_auction(n)
    low = max(last - 100, 0)
    return low + r.below(last - low + 11)


def url(r):
    return f"https://www.nexmark.com/{r.text(8, '_')}/{r.text(8, '_')}/{r.text(8, '_')}/item.htm?query=1"


def channel(r):
    """A channel and its url: both are told by the channel's number."""
    if r.below(2):
        i = r.below(len(HOT_CHANNELS))
        return HOT_CHANNELS[i], url(Random(~i & MASK))
    i = r.below(10000)
    own = Random((1 << 40) + i)
    return f"channel-{i}", url(own) + (f"&channel_id={own.below(1 << 31)}" if own.below(10) else "")


def pad(r, row, size):
    """Fill row up to about that many characters."""
    row["extra"] = r.text(max(size - sum(len(str(v)) for v in row.values()), 4))
    return row


class Generator:
    def __init__(self, rate, base=BASE):
        self.rate = rate
        self.base = datetime.datetime.fromisoformat(base)

    def time(self, n, more_usec=0):
        """Time of event n, in milliseconds."""
        t = self.base + datetime.timedelta(microseconds=n * 1_000_000 // self.rate + more_usec)
        return t.strftime("%Y-%m-%d %H:%M:%S.") + f"{t.microsecond // 1000:03}"

    def event(self, n):
        """(kind, row) of event n."""
        r, place = Random(n), n % 50
        if place == 0:
            return "person", pad(r, {
                "id": last_person(n) + 1000, "name": r.text(16).title(),
                "email_address": f"{r.text(7, '_')}@{r.text(5, '_')}.com",
                "credit_card": " ".join(f"{r.below(10000):04}" for _ in range(4)),
                "city": CITIES[r.below(10)], "state": STATES[r.below(6)], "date_time": self.time(n)}, 200)
        if place <= 3:
            bid, horizon = r.price(), 1666 * 1_000_000 // self.rate
            seller = random_person(r, n) if r.below(4) == 0 else last_person(n) // 100 * 100
            return "auction", pad(r, {
                "id": last_auction(n) + 1000, "item_name": r.text(20), "description": r.text(100),
                "initial_bid": bid, "reserve": bid + r.price(), "date_time": self.time(n),
                "expires": self.time(n, 1000 + r.below(2 * horizon + 1)),
                "seller": seller + 1000, "category": 10 + r.below(5)}, 500)
        auction = last_auction(n) // 100 * 100 if r.below(2) else random_auction(r, n)
        bidder = random_person(r, n) if r.below(4) == 0 else last_person(n) // 100 * 100 + 1
        name, link = channel(r)
        return "bid", pad(r, {"auction": auction + 1000, "bidder": bidder + 1000, "price": r.price(),
                              "channel": name, "url": link, "date_time": self.time(n)}, 100)


def main():
    kind, first, last, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    g = Generator(rate, *sys.argv[5:6])
    dumps, write = json.JSONEncoder(separators=(",", ":")).encode, sys.stdout.write
    wanted = {"person": {0}, "auction": {1, 2, 3}, "bid": set(range(4, 50)), "all": set(range(50))}[kind]
    for n in range(first, last):
        if n % 50 in wanted:
            write(dumps(g.event(n)[1]) + "\n")


if __name__ == "__main__":
    main()
