"""Rows 1 to 4: what a promotion costs, the guide's, and the floor. Argument: JSON; prints the rows as JSON.

Argument: {"objects": [5000], "releases": [5], "runs": 3}. Prints a line for each row when it is done.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any, Callable

from bench.inside import states
from bench.inside.states import DEV, GUIDE, PROMOTE, TOP, Kept
from bench.measuring import Contender, Row, Sample, alternating, as_json, measured, run

_OBJECTS = 5000  # of the builds where it is the number of releases that is looked at
_OURS = (
    "the real server, all gates on (soak: 0 hours, 0 clients, as everywhere in the lab); "
    "CPU without httpd and gpg-agent"
)
_FORCED = "with --force, which the guide has not: without it, its second promotion fails"


def main(asked: dict[str, Any]) -> None:
    """Measure every row that is asked for."""
    for row in _rows(**asked):
        print(json.dumps(as_json(row)), flush=True)


def _rows(objects: list[int], releases: list[int], runs: int) -> Iterator[Row]:
    for size in objects:
        yield _promotion(f"first promotion, {size:,} objects", states.prepare(size, 0), runs)
        yield _promotion(f"1 % changed, {size:,} objects", states.prepare(size, 1), runs)
    for count in releases:
        kept = states.prepare(_OBJECTS, count)
        where = f"at {count} releases, {_OBJECTS:,} objects"
        yield _nothing(f"nothing to do {where}", kept, runs)
        yield _promotion(f"1 % changed {where}", kept, runs)


def _promotion(title: str, kept: Kept, runs: int) -> Row:
    before = kept.releases > 0
    contenders = [
        Contender("ours", _typed(PROMOTE), lambda: _ours(kept), _OURS),
        _guide(before, lambda: kept.put_back(-1)),
        *_floor(),
    ]
    return alternating(title, contenders, runs)


def _nothing(title: str, kept: Kept, runs: int) -> Row:
    def ours() -> Sample:
        kept.put_back(-2)
        _expect("unchanged", "repaired")
        return measured(lambda: _expect("unchanged"))

    contenders = [
        Contender("ours", _typed(PROMOTE), ours, _OURS),
        _guide(True, lambda: kept.put_back(-2)),
        *_floor(),
    ]
    return alternating(title, contenders, runs)


def _ours(kept: Kept) -> Sample:
    """Promote the next build to a server that has just been asked, as its timer does, when there was none."""
    if kept.releases:
        kept.put_back(-2)
        _expect("unchanged", "repaired")
        states.show(kept.builds[-1])
        run("sync")
    else:
        kept.put_back(-1)
    return measured(lambda: _expect("promoted"))


def _guide(before: bool, put_back: Callable[[], None]) -> Contender:
    script = states.guide_script(before)

    def guide() -> Sample:
        put_back()
        return measured(lambda: run("sh", "-ec", script))

    return Contender(
        "guide",
        "; ".join(script.strip().splitlines()),
        guide,
        "as root, nothing signed; its objects are hard links to dev's" + (f"; {_FORCED}" if before else ""),
    )


def _floor() -> Iterator[Contender]:
    """Yield the floor."""
    copy = TOP / "copy"

    def copied() -> Sample:
        shutil.rmtree(copy, ignore_errors=True)
        run("sync")
        return measured(lambda: run("cp", "-a", str(DEV), str(copy)))

    fsck = ("ostree", f"--repo={GUIDE}", "fsck", "--quiet")
    yield Contender(
        "floor: fsck", _typed(fsck), lambda: measured(lambda: run(*fsck)), "of the guide's prod after it"
    )
    yield Contender("floor: cp", f"cp -a {DEV} {copy}", copied)


def _expect(*outcomes: str) -> None:
    found = states.promote()
    if found not in outcomes:
        raise RuntimeError(f"{found}, not {' or '.join(outcomes)}")


def _typed(command: tuple[str, ...]) -> str:
    return " ".join(command)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
