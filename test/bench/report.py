"""The tables that a benchmark prints, as aligned Markdown."""
import datetime
import os
import platform

from meter import KINDS


def table(head, rows):
    rows = [head, *rows]
    width = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, width)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in width) + "|", *lines[1:]])


def number(n):
    """Three digits that matter, with thousands set apart."""
    return f"{n:,.0f}" if n >= 100 else f"{n:.3g}"


class Results:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, baseline="-", ratio=None, target="-", met=None):
        self.rows.append((what, figure, baseline, "-" if ratio is None else f"{ratio:.2f}", target,
                          {None: "-", True: "yes", False: "NO"}[met]))

    def at_most(self, what, figure, baseline, ratio, most):
        self.add(what, figure, baseline, ratio, f"at most {most} x", ratio <= most)

    def at_least(self, what, figure, baseline, ratio, least):
        self.add(what, figure, baseline, ratio, f"at least {least} x", ratio >= least)

    def failed(self, what):
        self.add(what, "FAILED", met=False)

    def report(self, b, about):
        return "\n\n".join([
            about,
            table(("what", "Weir", "baseline", "ratio", "target", "met"), self.rows),
            "The round with the median time of each line, server processes only:",
            resources(b.meter)]) + "\n"


def machine(c, broker):
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{datetime.date.today()}: {os.cpu_count()} cores ({model}), {memory:.0f} GB, Linux {platform.release().split('-')[0]}, "
            f"PostgreSQL {c.value('SHOW server_version').split()[0]}" + (f", {broker}" if broker else "") + ".")


def resources(meter):
    rows = []
    for line, side in meter.usages:
        u = meter.typical(line, side)
        largest = max(KINDS, key=u.private.get)
        rows.append((line, side, f"{u.seconds:.1f}", *(f"{u.cpu[k]:.1f}" for k in KINDS), f"{u.wal / 1e6:,.0f}",
                     f"{u.shared_peak / 2**20:.0f}", f"{u.private[largest] / 2**20:.0f} ({largest})"))
    return table(("run", "side", "s", *(f"{k}, CPU s" for k in KINDS), "WAL, MB", "weir.memory, MB", "largest process, MB"), rows)
