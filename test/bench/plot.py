"""Draws the curves of a scale.csv.

    /usr/bin/python3 plot.py CSV DIRECTORY      scale-groups.png and so on; make bench-scale does it too
"""
import sys

import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import EngFormatter, MaxNLocator  # noqa: E402

from curves import COURSE, CURVES, Points  # noqa: E402

pyplot.rcParams |= {"legend.fontsize": "small", "legend.frameon": False}
COLORS = ["#1f5fa8", "#c8641e", "#4d8c3a"]      # of the cases; dashed is the baseline


def log_axis(axis, values):
    """Ticks at the measured values alone."""
    axis.set_xscale("log")
    axis.set_xticks(sorted(values))
    axis.minorticks_off()
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def label_of(side, curve, case):
    return ", ".join(filter(None, [side if side == "Weir" else curve.baseline, case]))


def lines(axis, points, name, y):
    """Both sides of each case over x; y(point) is drawn."""
    curve, seen = CURVES[name], set()
    for color, (case, label) in zip(COLORS, curve.cases.items()):
        for side, style in (("Weir", "-o"), ("baseline", "--s")):
            measured = points.of(name, case, side)
            if measured:
                seen |= {p["x"] for p in measured}
                axis.plot([p["x"] for p in measured], [y(p) for p in measured], style, color=color, markersize=4,
                          fillstyle="full" if side == "Weir" else "none", label=label_of(side, curve, label))
    log_axis(axis, seen)
    axis.set_xlabel(curve.x)


def rates(axis, points, name):
    lines(axis, points, name, lambda p: p["rate"])
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_ylabel(CURVES[name].unit)


def views(axis, points):
    """Time, for it is the time that should be linear."""
    lines(axis, points, "views", lambda p: p["seconds"] / p["rows"] * 1e6)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_ylabel("seconds per million rows")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def course(axis, points, field, label):
    """The transactions into the matrels of "hot", one by one."""
    if field == "rate":
        axis.axhline(points.of("hot", "", "baseline")[0]["rate"], linestyle="--", color="grey", label=CURVES["hot"].baseline)
    for color, groups in zip(COLORS, sorted({p["case"] for p in points if p["curve"] == COURSE}, key=int, reverse=True)):
        measured = points.of(COURSE, groups, "Weir")
        axis.plot([p["x"] for p in measured], [p[field] for p in measured], "-o", color=color, markersize=3,
                  label=f"Weir, {int(groups):,} groups in the matrel")
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("transaction")
    axis.set_ylabel(label)


def workers(axis, points, name):
    """Bars: one worker, two workers, the baseline."""
    curve, at, ticks = CURVES[name], 0, []
    for color, (case, label) in zip(COLORS, curve.cases.items()):
        bars = [(p["rate"], f"{p['x']:.0f}", dict(color=color)) for p in points.of(name, case, "Weir")]
        bars += [(p["rate"], curve.baseline.replace(" ", "\n"), dict(color="none", edgecolor=color, linestyle="--"))
                 for p in points.of(name, case, "baseline")[:1]]
        for i, (rate, tick, style) in enumerate(bars):
            axis.bar(at, rate, 0.8, label=label if label and i == 0 else None, **style)
            ticks.append((at, tick))
            at += 1
        at += 0.5
    axis.set_xticks([t[0] for t in ticks], [t[1] for t in ticks], fontsize="small")
    axis.margins(y=0.25)
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_xlabel(curve.title)
    axis.set_ylabel(curve.unit)


def draw(points, directory):
    """Draws what was measured: {curve: name of the file}, for the first curve of each file."""
    pictures = {
        "groups": [("groups", lambda axis: rates(axis, points, "groups"))],
        "views": [("views", lambda axis: views(axis, points))],
        "clients": [("clients", lambda axis: rates(axis, points, "clients"))],
        "hot": [("hot", lambda axis: course(axis, points, "rate", "rows/s")),
                ("hot", lambda axis: course(axis, points, "wal_per_row", "WAL, bytes per row"))],
        "workers": [("ingest", lambda axis: workers(axis, points, "ingest")),
                    ("kafka", lambda axis: workers(axis, points, "kafka"))],
    }
    measured, files = {p["curve"] for p in points}, {}
    for name, panels in pictures.items():
        panels = [panel for panel in panels if panel[0] in measured]
        if not panels:
            continue
        figure, axes = pyplot.subplots(1, len(panels), figsize=(9.6 if len(panels) > 1 or name == "views" else 6.4, 3.4),
                                       squeeze=False)
        for axis, (_, panel) in zip(axes[0], panels):
            panel(axis)
            axis.set_axisbelow(True)
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
            if not axis.get_legend() and axis.get_legend_handles_labels()[0]:
                axis.legend()
        figure.tight_layout()
        files[panels[0][0]] = f"scale-{name}.png"
        figure.savefig(f"{directory}/scale-{name}.png", dpi=100)
        pyplot.close(figure)
    return files


if __name__ == "__main__":
    draw(Points.load(sys.argv[1]), sys.argv[2])
