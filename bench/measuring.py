"""What is measured and how it is shown: alternating runs, medians, a table, JSON. Also used on the server."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Callable


@dataclass(frozen=True)
class Sample:
    """One run.

    + wall: seconds
    + cpu: seconds of the processes that it started and waited for, user and system; None: not measured
    + counted: what else there was to count, by name
    """

    wall: float
    cpu: float | None = None
    counted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """One of what is compared.

    + name: whose figure it is
    + command: what is run, as somebody would type it
    + run: prepares, then measures one run; None: it cannot be run here, and the note says why
    + note: what a reader of the figure has to know besides
    """

    name: str
    command: str
    run: Callable[[], Sample] | None
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """What came of one contender: its runs, in order; none, and the note says why."""

    name: str
    command: str
    samples: Sequence[Sample] = ()
    note: str = ""

    @property
    def wall(self) -> float | None:
        """The median, in seconds."""
        return median([sample.wall for sample in self.samples])

    @property
    def cpu(self) -> float | None:
        """The median, in seconds."""
        return median([sample.cpu for sample in self.samples if sample.cpu is not None])


@dataclass(frozen=True)
class Row:
    """One row of the issue's table: figures measured in turns.

    + load: the load average of one minute, before and after
    """

    title: str
    figures: Sequence[Figure]
    load: tuple[float, float]


def median(values: Sequence[float]) -> float | None:
    """Return the median, or None of nothing."""
    return statistics.median(values) if values else None


def measured(action: Callable[[], object]) -> Sample:
    """Return what an action took, and what CPU the processes that it waited for took."""
    before, began = _children(), time.monotonic()
    action()
    wall = time.monotonic() - began
    return Sample(wall, _children() - before)


def run(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; returns its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def alternating(title: str, contenders: Sequence[Contender], runs: int) -> Row:
    """Run every contender in turn, so many times: what else the machine does then meets all of them."""
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    before = os.getloadavg()[0]
    for _ in range(runs):
        for contender in contenders:
            if contender.run:
                samples[contender.name].append(contender.run())
    load = (before, os.getloadavg()[0])
    figures = [Figure(each.name, each.command, tuple(samples[each.name]), each.note) for each in contenders]
    return Row(title, figures, load)


def as_json(row: Row) -> dict[str, Any]:
    """Return a row as a document: medians, and every run."""
    figures = [{**asdict(figure), "wall": figure.wall, "cpu": figure.cpu} for figure in row.figures]
    return {"title": row.title, "load": list(row.load), "figures": figures}


def of_json(document: Mapping[str, Any]) -> Row:
    """Return the row of such a document."""
    figures = [
        Figure(
            each["name"],
            each["command"],
            tuple(Sample(**sample) for sample in each["samples"]),
            each["note"],
        )
        for each in document["figures"]
    ]
    before, after = document["load"]
    return Row(document["title"], figures, (before, after))


def table(row: Row) -> str:
    """Return a row as text: what was run, the median and the range of its runs, its CPU."""
    before, after = row.load
    lines = [f"{row.title}   (load {before:.1f} before, {after:.1f} after)"]
    heads = ("", "wall s", "from-to", "CPU s", "runs")
    cells = [heads, *(_cells(figure) for figure in row.figures)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths))
        lines.append("  " + "  ".join([first.strip().ljust(widths[0]), *others]).rstrip())
    lines += [f"  {figure.name}: {remark}" for figure in row.figures for remark in _remarks(figure)]
    return "\n".join(lines)


def _cells(figure: Figure) -> tuple[str, ...]:
    if figure.wall is None:
        return (figure.name, "-", "-", "-", "0")
    walls = [sample.wall for sample in figure.samples]
    cpu = "-" if figure.cpu is None else f"{figure.cpu:.2f}"
    return (figure.name, f"{figure.wall:.2f}", f"{min(walls):.2f}-{max(walls):.2f}", cpu, str(len(walls)))


def _remarks(figure: Figure) -> list[str]:
    names = figure.samples[0].counted if figure.samples else ()
    counted = ", ".join(_counted(name, [sample.counted[name] for sample in figure.samples]) for name in names)
    return [remark for remark in (counted, figure.note, f"$ {figure.command}") if remark]


def _counted(name: str, values: list[float]) -> str:
    return f"{name} {statistics.median(values):g} ({min(values):g}-{max(values):g})"


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
