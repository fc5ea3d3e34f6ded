"""What `rpm-ostree compose` printed. compose/NAME.txt: as in recordings.py, then the treefile."""

from __future__ import annotations

from pathlib import Path

from tests.recorded.recordings import Recording

_COMPOSE = Path(__file__).parent / "compose"


def recorded_compose(name: str) -> Recording:
    """Read tests/recorded/compose/NAME.txt, without the treefile."""
    _, _, rest = (_COMPOSE / f"{name}.txt").read_text().partition("--- stdout\n")
    stdout, _, rest = rest.partition("--- stderr\n")
    stderr, _, code = rest.partition("--- rc=")
    return Recording(stdout.splitlines(), stderr.splitlines(), int(code.split(maxsplit=1)[0]))
