"""Draw the charts of a result: `python draw.py RESULT.json`, with matplotlib and nothing of Ordergate's own."""

# mypy: disable-error-code="import-not-found"
# matplotlib is only in the environment that charts.py makes.

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

_WORKER, _POSTGRES, _RATE = "#1f6f8b", "#e08e45", "#3a3a3a"


def _name(x: float) -> str:
    for unit, letter in ((1_000_000, " M"), (1_000, " k")):
        if x >= unit:
            return f"{x / unit:g}{letter}"
    return f"{x:g}"


def _axis(axes: Axes, series: dict[str, Any]) -> list[float]:
    """Set the horizontal axis up; gives the place of each point."""
    points = series["points"]
    if series["x_label"] == "":
        places = [float(number) for number in range(len(points))]
        axes.set_xticks(places, [point["label"] for point in points])
        axes.set_xlim(-0.5, len(points) - 0.5)
        return places
    places = [point["x"] for point in points]
    if series["logarithmic"]:
        axes.set_xscale("log")
    axes.set_xticks(places)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _name(x)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(series["x_label"])
    return places


def _spread(axes: Axes, places: list[float], series: dict[str, Any], figure: str, color: str, label: str) -> None:
    """A line through the medians, with every run as a dot."""
    medians = [one[figure] for one in series["medians"]]
    axes.plot(places, medians, color=color, marker="o", markersize=5, linewidth=1.8, label=label)
    for place, point in zip(places, series["points"], strict=True):
        axes.plot([place] * len(point["runs"]), [run[figure] for run in point["runs"]], ".", color=color, alpha=0.4)


def draw(series: dict[str, Any], file: Path, footer: str) -> None:
    """One chart: events/s, and CPU per event of worker and PostgreSQL."""
    figure, (rate, cpu) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    figure.suptitle(series["title"], fontsize=13, fontweight="bold")
    _spread(rate, _axis(rate, series), series, "events_per_second", _RATE, "events/s")
    rate.set_ylabel("events per second")
    rate.set_title("throughput", fontsize=10)
    places = _axis(cpu, series)
    _spread(cpu, places, series, "worker_us", _WORKER, "worker")
    _spread(cpu, places, series, "postgres_us", _POSTGRES, "PostgreSQL, all processes")
    cpu.set_ylabel("CPU per event (µs)")
    cpu.set_title("cost", fontsize=10)
    cpu.legend(frameon=False, fontsize=9)
    for axes in (rate, cpu):
        axes.set_ylim(bottom=0)
        axes.margins(y=0.15)
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    figure.supxlabel(footer, fontsize=7, color="#666666")
    figure.savefig(file, dpi=130, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Draw every series of the result beside it, as `<result>-<series>.png`."""
    result = Path(sys.argv[1])
    document = json.loads(result.read_text())
    for one in document["measured"]:
        series = one["series"]
        footer = (
            f"{one['machine']['cpu']}; PostgreSQL {one['machine']['postgresql']}; {one['date'][:10]}; "
            f"commit {one['machine']['commit']}; line: median, dots: runs"
        )
        draw(series, result.with_name(f"{result.stem}-{series['name']}.png"), footer)


if __name__ == "__main__":
    main()
