"""The gate `complete`: every object of the commit is there and sound, and the commit is in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import clock
from ..answers import FAIL, Finding, Outcome
from ..environments.snapshot import Snapshot
from ..model import Commit
from ..repository.reading import Known
from ..text import short
from .subject import Subject

if TYPE_CHECKING:
    from ..repository.reading import Unsound

_KEPT = 100  # objects in the data for a machine
_CLOCK = 1_000_000_000  # ns by which a file system may date a change too early


def judge(subject: Subject) -> Outcome:
    """Look for every object of the commit, read what is new for the ring, and look at refs, parent and time.

    A candidate, and a release that is to go to a later ring, pass by the same rules.
    """
    candidate, repository = subject.candidate, subject.repository
    if repository.is_partial(candidate.checksum):
        partial = Finding(
            "partial", FAIL, "only partly there: its copy was interrupted (partial marker): stage it again"
        )
        return Outcome("complete", (partial,), partial.line)
    broken = list(repository.unsound(candidate.checksum, _known(subject)))
    findings = [_finding(each) for each in broken]
    findings += place(subject.seen, candidate, subject.ring.ref)
    parent = subject.seen.commits.get(candidate.parent or "")
    findings += dated(candidate, parent, now=clock.now())
    if clock.awaits_time():
        line = "this server's clock is not synchronised yet (timedatectl)"
        findings.append(Finding("clock", FAIL, line))
    line = (
        findings[0].line if findings else "every object is there and sound; refs, parent and time are right"
    )
    named = [{"path": each.path, "checksum": each.checksum, "what": each.what} for each in broken[:_KEPT]]
    data = {"unsound": named, "count": len(broken)}
    return Outcome("complete", tuple(findings), line, data)


def place(seen: Snapshot, commit: Commit, ring: str) -> Iterator[Finding]:
    """Yield what is wrong with the refs that a commit is bound to, and with its parent.

    + ring: the ref of the ring it is to go to
    A candidate is bound to what a release made today would be, and follows the newest release; a release
    follows the one with the serial before its own, if that is kept.
    """
    released = commit in seen.releases
    environment = seen.environment
    due = environment.bindings(commit.version)
    if released:  # rings may have been added or taken away since
        due = frozenset(
            {environment.candidate_ref(commit.version), environment.release_ref(commit.version), ring}
        )
    missing, foreign = due - commit.bindings, commit.bindings - due
    for ref in sorted(missing):
        yield Finding(f"unbound:{ref}", FAIL, f"not bound to {ref}: clients of that ref would refuse it")
    for ref in sorted(() if released else foreign):
        yield Finding(f"bound:{ref}", FAIL, f"bound to {ref}, which is no ref of this release")
    before = [each for each in seen.releases if not released or each.serial < commit.serial]
    newest = before[-1] if before else None
    if released and (newest.serial if newest else 0) != commit.serial - 1:
        return  # the one before it is retired, and its checksum with it
    if commit.parent != (newest.checksum if newest else None):
        due_parent = f"{newest.version} ({short(newest.checksum)})" if newest else "nothing"
        line = f"its parent is {short(commit.parent)}, but the release before it is {due_parent}"
        advice = "" if released else ": stage it again"
        yield Finding(f"parent:{commit.parent}", FAIL, line + advice)


def dated(commit: Commit, parent: Commit | None, now: int) -> Iterator[Finding]:
    """Yield what is wrong with a commit's time.

    + now: in seconds since 1970
    """
    if commit.timestamp > now + clock.DAY:
        ahead = (commit.timestamp - now) // 3600
        yield Finding(
            f"timestamp:{commit.timestamp}", FAIL, f"dated {ahead} hours ahead of this server's clock"
        )
    if parent and commit.timestamp <= parent.timestamp:
        line = f"not dated later than its parent {parent.version}: clients would refuse the update as older"
        yield Finding(f"timestamp:{commit.timestamp}:{parent.timestamp}", FAIL, line)


def _known(subject: Subject) -> Known | None:
    """Return what the ring has, if this gate let it pass before: then more of it is kept."""
    if subject.tip is None or not subject.repository.has(subject.tip.checksum):
        return None
    kept = subject.repository.tree(subject.tip.checksum).root.content in subject.directories.kept
    return Known(subject.tip.checksum, subject.directories.read_at - _CLOCK) if kept else None


def _finding(each: Unsound) -> Finding:
    line = f"object of {each.path} is {each.what} ({each.checksum}.{each.kind})"
    return Finding(f"unsound:{each.checksum}", FAIL, line)
