"""The gate of the user's own gates: executables of the administrator, in name order, each in its sandbox.

What each is told and may answer is in docs/gates.md. Exit status 0 passes, 3 warns, 4 needs approval, any
other fails; the last line of output is its line for a person.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from ... import disk
from ...answers import FAIL, NEEDS_APPROVAL, PASS, WARN, Finding, Outcome
from ...config import Config
from ...errors import Refused
from ..subject import Subject
from . import runs
from .runs import Ended, Places

_ANSWERS = {0: PASS, 3: WARN, 4: NEEDS_APPROVAL}
_WANTS_CHECKOUT = b"# ostree-release: checkout"
_HEAD = 4096  # bytes at the beginning of a gate in which its comments are looked for
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def files(config: Config) -> dict[str, str]:
    """Return the name and the SHA-256 of every gate of the user's own, in the order in which they run."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _paths(config)}


def judge(subject: Subject) -> Outcome:
    """Run every gate of the user's own on a candidate; one finding for each that does not pass."""
    config = subject.context.config
    places = Places.of(config)
    runs.tidy(places)
    runs.forget_output(places, subject.environment.name, subject.repository.has)
    found = _paths(config)
    if not found:
        return Outcome("own", (), "no gates of your own")
    findings, results = [], []
    difference = _difference(subject)
    with contextlib.ExitStack() as stack:
        checkout: Path | None = None
        for path in found:
            wanted = _wants_checkout(path)
            if wanted and checkout is None:
                checkout = stack.enter_context(_checkout(subject, places))
            finding, result = _run(subject, places, path, checkout if wanted else None, difference)
            results.append(result)
            if finding.answer != PASS:
                findings.append(finding)
    line = "; ".join(finding.line for finding in findings) or f"{len(found)} of your own passed"
    return Outcome("own", tuple(findings), line, {"gates": results})


def _paths(config: Config) -> list[Path]:
    """Return the gates in name order; hidden files are none."""
    try:
        paths = sorted(config.gates_directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refused(f"gates of your own: {config.gates_directory}: {error.strerror}") from error
    paths = [path for path in paths if not path.name.startswith(".")]
    for path in paths:
        status = path.lstat()
        right = stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and not status.st_mode & 0o022
        if not right or not _NAME.fullmatch(path.name):
            raise Refused(
                f"gates of your own: {path.name!r} in {config.gates_directory} is not an executable file "
                "that only root may write, of a plain name: deploy the server again, or remove it"
            )
    return paths


def _wants_checkout(path: Path) -> bool:
    """Say whether one of the comments that a gate begins with asks for a checkout."""
    with path.open("rb") as file:
        lines = file.read(_HEAD).splitlines()
    comments = takewhile(lambda line: line.startswith(b"#"), lines)
    return any(line.strip() == _WANTS_CHECKOUT for line in comments)


@contextlib.contextmanager
def _checkout(subject: Subject, places: Places) -> Iterator[Path]:
    """Check the candidate out for as long as the block runs."""
    disk.require("checkout for gates", subject.context.config.minimum_free_bytes, places.checkouts)
    subject.context.say(f"Checking out {subject.candidate.version} for gates of your own")
    with runs.made(places.checkouts) as folder:
        tree = folder / "tree"
        subject.repository.check_out(subject.candidate.checksum, tree)
        runs.make_readable(tree)
        yield tree


def _run(
    subject: Subject, places: Places, path: Path, checkout: Path | None, difference: Mapping[str, Any]
) -> tuple[Finding, dict[str, Any]]:
    subject.context.say(f"Gate {path.name}")
    ended = runs.run(
        places,
        path.name,
        _environment(subject, checkout),
        difference,
        subject.options["timeout_seconds"],
    )
    about = (subject.environment.name, subject.candidate.checksum)
    output = runs.keep_output(places, *about, path.name, ended.output)
    answer, line = _said(ended)
    finding = Finding(_id(path.name, answer, line), answer, f"{path.name}: {line}")
    result = {
        "name": path.name,
        "status": answer,
        "line": line,
        "seconds": round(ended.seconds, 1),
        "output": str(output),
    }
    return finding, result


def _id(name: str, answer: str, line: str) -> str:
    """Return what an approval names: this gate and what it said, not whatever it says the next time."""
    said = hashlib.sha256(f"{answer}\n{line}".encode()).hexdigest()[:16]
    return f"own:{name}:{said}"


def _environment(subject: Subject, checkout: Path | None) -> dict[str, str]:
    """Return what a gate is told, without the path of the difference."""
    told = {
        "ENVIRONMENT": subject.environment.name,
        "VERSION": subject.candidate.version,
        "CANDIDATE": subject.candidate.checksum,
        "BUILD": subject.build,
        "CONTENT": subject.candidate.content,
        "RING": subject.ring.name,
        "TIP": subject.tip.checksum if subject.tip else "",
        "REPOSITORY": str(subject.repository.path),
    }
    if checkout:
        told["CHECKOUT"] = str(checkout)
    return {runs.PREFIX + name: value for name, value in told.items()}


def _difference(subject: Subject) -> dict[str, Any]:
    """Return what differs from what the ring has now; `from` is null for an empty ring."""
    from ...images import changes, pkglist  # here, because these need libostree
    from .. import diff

    tip, candidate = subject.tip, subject.candidate
    found = diff.compared(subject)
    return {
        "from": {"version": tip.version, "checksum": tip.checksum} if tip else None,
        "to": {"version": candidate.version, "checksum": candidate.checksum},
        **(changes.as_json(found) if found else {"packages": pkglist.diff(None, None)}),
    }


def _said(ended: Ended) -> tuple[str, str]:
    """Return the answer of a gate that has ended, and its line."""
    if ended.problem:
        return FAIL, ended.problem
    line = runs.last_line(ended.output) or f"said nothing and ended with exit status {ended.status}"
    return _ANSWERS.get(ended.status, FAIL), line
