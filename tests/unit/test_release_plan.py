"""What a promotion decides, without repositories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostree_release.config import Environment, Ring
from ostree_release.environments.plan import PROMOTE, REPAIR, UNCHANGED, promote
from ostree_release.environments.snapshot import Snapshot
from ostree_release.errors import Refused
from ostree_release.model import Commit

PILOT, STABLE = Ring("pilot", "os/pilot"), Ring("stable", "os/stable")
PROD = Environment(
    name="prod",
    repository=Path("/prod"),
    url="https://host/prod",
    ref=STABLE.ref,
    owner="ostree-prod",
    gnupghome=Path("/keys/prod"),
    public_key=Path("/keys/prod.gpg"),
    promotes_from="dev",
    rings=(PILOT, STABLE),
)


DEV = replace(PROD, name="dev", repository=Path("/dev"), promotes_from=None, rings=())
NOBODYS: Any = None  # what is decided from a snapshot is decided without its repository


def build(name: str) -> Commit:
    """Return a dev build whose content is its own."""
    return Commit(f"build-{name}", f"44.{name}", 100, None, f"content-{name}")


def release(of: Commit, serial: int, parent: Commit | None = None, version: str | None = None) -> Commit:
    """Return a release of a build, bound to everything it may be offered under."""
    version = version or of.version
    bindings = {f"os/candidate/{version}", f"os/releases/{version}", PILOT.ref, STABLE.ref}
    return Commit(
        checksum=f"release-{version}-{serial}",
        version=version,
        timestamp=100 + serial,
        parent=parent.checksum if parent else None,
        content=of.content,
        serial=serial,
        build=of.checksum,
        bindings=frozenset(bindings),
    )


def seen(*released: Commit, candidate: Commit | None = None, **rings: Commit) -> Snapshot:
    """Return a repository in order: everything signed, the summary right, nothing interrupted."""
    refs = {PROD.release_ref(commit.version): commit.checksum for commit in released}
    refs |= {f"os/{ring}": commit.checksum for ring, commit in rings.items()}
    if candidate:
        refs[PROD.candidate_ref(candidate.version)] = candidate.checksum
    commits = [*released, *rings.values(), *([candidate] if candidate else [])]
    return Snapshot(
        environment=PROD,
        source=DEV,
        repository=NOBODYS,
        refs=refs,
        commits={commit.checksum: commit for commit in commits},
        signed=frozenset(commit.checksum for commit in commits),
        summary=refs,
    )


A, B = build("1"), build("2")
ONE = release(A, 1)
TWO = release(B, 2, ONE)


def test_the_first_release_of_all() -> None:
    plan = promote(seen(), PILOT, A)
    assert (plan.outcome, plan.version, plan.serial, plan.release, plan.tip_or_none) == (
        PROMOTE,
        "44.1",
        1,
        None,
        "none",
    )
    assert [(move.ref, move.old, move.new) for move in plan.moves] == [
        ("os/releases/44.1", None, None),
        ("os/pilot", None, None),
    ]


def test_the_next_release_has_the_next_serial() -> None:
    plan = promote(seen(ONE, pilot=ONE), PILOT, B)
    assert (plan.outcome, plan.version, plan.serial) == (PROMOTE, "44.2", 2)
    assert plan.moves[-1].old == ONE.checksum


def test_content_in_the_ring_is_no_change() -> None:
    assert promote(seen(ONE, pilot=ONE), PILOT, A).outcome == UNCHANGED
    same = replace(B, content=A.content)
    plan = promote(seen(ONE, pilot=ONE), PILOT, same)
    assert (plan.outcome, plan.build, plan.moves) == (UNCHANGED, A.checksum, ())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda survey: replace(survey, signed=frozenset()), "signature"),
        (lambda survey: replace(survey, summary=None), "summary"),
        (lambda survey: replace(survey, summary={"os/pilot": "other"}), "summary"),
        (lambda survey: replace(survey, interrupted=1), "journal"),
    ],
)
def test_what_an_interruption_left_is_repaired(damage: Callable[[Snapshot], Snapshot], words: str) -> None:
    plan = promote(damage(seen(ONE, pilot=ONE)), PILOT, A)
    assert plan.outcome == REPAIR
    assert len(plan.repairs) == 1
    assert words in plan.repairs[0]


def test_a_missing_release_ref_is_repaired() -> None:
    plan = promote(seen(pilot=ONE), PILOT, A)
    assert plan.repairs == ("ref os/releases/44.1 was missing",)


def test_a_published_release_that_no_ring_has_is_used() -> None:
    plan = promote(seen(ONE, TWO, pilot=ONE), PILOT, B)
    assert plan.release == TWO
    assert [move.ref for move in plan.moves] == ["os/pilot"]


def test_content_behind_the_ring_is_released_again() -> None:
    plan = promote(seen(ONE, TWO, pilot=TWO), PILOT, A)
    assert (plan.release, plan.version, plan.serial) == (None, "44.1.r3", 3)


def test_a_candidate_is_used_while_nothing_overtook_it() -> None:
    candidate = release(B, 2, ONE)
    assert promote(seen(ONE, pilot=ONE, candidate=candidate), PILOT, B).release == candidate
    other = release(build("3"), 2, ONE)
    overtaken = promote(seen(ONE, other, pilot=other, candidate=candidate), PILOT, B)
    assert (overtaken.release, overtaken.version, overtaken.serial) == (None, "44.2", 3)


def test_a_candidate_for_other_rings_is_not_used() -> None:
    candidate = replace(
        release(A, 1), bindings=frozenset({"os/candidate/44.1", "os/releases/44.1", "os/stable"})
    )
    assert promote(seen(candidate=candidate), PILOT, A).release is None


def test_a_version_of_another_build_is_refused() -> None:
    other = replace(B, version=A.version)
    with pytest.raises(Refused, match=r"44\.1: was released already, from another build"):
        promote(seen(ONE, pilot=ONE), PILOT, other)


def test_a_later_ring_takes_what_the_ring_before_has() -> None:
    plan = promote(seen(ONE, TWO, pilot=TWO, stable=ONE), STABLE, None)
    assert (plan.release, plan.build, plan.build_version) == (TWO, B.checksum, "44.2")
    assert [(move.ref, move.old, move.new) for move in plan.moves] == [
        ("os/stable", ONE.checksum, TWO.checksum)
    ]
    again = release(A, 3, TWO, version="44.1.r3")
    assert promote(seen(ONE, TWO, again, pilot=again, stable=TWO), STABLE, None).build_version == "44.1"


def test_what_a_later_ring_refuses() -> None:
    with pytest.raises(Refused, match="pilot, has no release yet"):
        promote(seen(), STABLE, None)
    with pytest.raises(Refused, match=r"is newer than 44\.1"):
        promote(seen(ONE, TWO, pilot=ONE, stable=TWO), STABLE, None)
    unbound = replace(ONE, bindings=ONE.bindings - {STABLE.ref})
    with pytest.raises(Refused, match="before this ring existed"):
        promote(seen(unbound, pilot=unbound), STABLE, None)


def test_what_publish_goes_on_with() -> None:
    candidate = release(B, 2, ONE)
    assert seen().publishable == []
    assert seen(ONE, pilot=ONE, candidate=candidate).publishable[0] == candidate
    assert seen(ONE, TWO, pilot=ONE).publishable[0] == TWO, "released, but the ring was not moved"
    assert seen(ONE, TWO, pilot=TWO).publishable[0] == TWO, "nothing to do, or to repair"
    assert ONE not in seen(ONE, TWO, pilot=TWO).publishable, "the ring has passed it"
    overtaken = release(build("3"), 2, ONE)
    assert seen(ONE, TWO, pilot=TWO, candidate=overtaken).publishable[0] == overtaken, "to be refused"
