"""The points that scale.py measures: kept as CSV, told as tables; plot.py draws them."""
import csv

from meter import KINDS
from report import number, table

CPU = [f"cpu_{kind}" for kind in KINDS]
FIELDS = ["curve", "case", "x", "side", "rows", "seconds", "rate", *CPU, "cpu_workers", "wal_per_row", "hot_share"]
TEXTS = ("curve", "case", "side", "cpu_workers")


class Curve:
    """What its points have in common.  Cases are told apart by Point["case"], '' where there is only one."""

    def __init__(self, title, x, baseline, cases=None, unit="rows/s"):
        self.title, self.x, self.baseline, self.cases, self.unit = title, x, baseline, cases or {"": ""}, unit


CURVES = {
    "groups": Curve("Groups", "groups", "batch"),
    "views": Curve("Views", "views", "batch", {
        "used": "all use columns", "count": "one does, others only count", "other": "others read another stream"}),
    "clients": Curve("Clients", "clients", "table", unit="transactions/s"),
    "hot": Curve("A matrel of which little is hot", "groups in the matrel", "batch"),
    "ingest": Curve("Ingest workers", "workers", "two batches", {"1000": "1,000 groups", "100000": "100,000 groups"}),
    "kafka": Curve("Kafka workers", "workers", "kcat", unit="messages/s"),
}
COURSE = "course"       # the transactions of "hot" one by one, its case the groups in the matrel; drawn, but no table


class Point(dict):
    """A row of the CSV; what was not measured is None."""

    @classmethod
    def read(cls, row):
        return cls({k: row[k] if k in TEXTS else float(row[k]) if row[k] else None for k in FIELDS})

    def written(self):
        return {k: "" if v is None else f"{v:.6g}" if isinstance(v, float) else v for k, v in self.items()}


class Points(list):
    def add(self, curve, x, side, rows, seconds, usage=None, case="", **more):
        """A usage brings what the run cost; without one the time follows from other points."""
        cost = dict.fromkeys([*CPU, "cpu_workers", "wal_per_row", "hot_share"])
        if usage:
            cost |= {f"cpu_{kind}": spent for kind, spent in usage.cpu.items()}
            workers = usage.cpu_each["ingest"] + usage.cpu_each["kafka"]
            cost |= {"wal_per_row": usage.wal / rows, "cpu_workers": " + ".join(f"{s:.1f}" for s in workers if s > 0)}
        self.append(Point(dict(curve=curve, case=case, x=x, side=side, rows=rows, seconds=seconds, rate=rows / seconds)
                          | cost | more))

    def of(self, curve, case, side):
        return sorted((p for p in self if (p["curve"], p["case"], p["side"]) == (curve, case, side)), key=lambda p: p["x"])

    def save(self, path, about):
        with open(path, "w") as f:
            f.write(f"# {about}\n")
            writer = csv.DictWriter(f, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(p.written() for p in self)

    @classmethod
    def load(cls, path):
        with open(path) as f:
            return cls(Point.read(row) for row in csv.DictReader(line for line in f if not line.startswith("#")))

    def table(self, name):
        """A curve as a table: rates of both sides, Weir's rate by that of the baseline, what Weir's run cost."""
        curve, rows = CURVES[name], []
        workers, hot = name in ("ingest", "kafka"), name == "hot"
        for case, label in curve.cases.items():
            baseline = {p["x"]: p["rate"] for p in self.of(name, case, "baseline")}
            for p in self.of(name, case, "Weir"):
                other = baseline[p["x"]]
                rows.append([label] * (len(curve.cases) > 1) + [
                    f"{p['x']:,.0f}", number(p["rate"]), number(other), f"{p['rate'] / other:.2f}",
                    *(f"{p[cpu]:.1f}" for cpu in CPU)] + [p["cpu_workers"]] * workers + [number(p["wal_per_row"])] + (
                    [f"{p['hot_share']:.0%}"] if hot else []))
        return table([""] * (len(curve.cases) > 1) + [
            curve.x, f"Weir, {curve.unit}", f"{curve.baseline}, {curve.unit}", "ratio", *(f"{kind}, CPU s" for kind in KINDS)]
            + ["each worker, CPU s"] * workers + ["WAL, B/row"] + ["HOT updates"] * hot, rows)
