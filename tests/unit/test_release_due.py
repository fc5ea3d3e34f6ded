"""Which ring moves next by itself, and what may go there."""

from __future__ import annotations

from dataclasses import replace

from ostree_release.config import Ring
from ostree_release.environments.plan import Due, due
from tests.unit.test_release_plan import ONE, PILOT, PROD, STABLE, TWO, A, B, build, release, seen

C = build("3")


def test_the_first_ring_gets_the_newest_builds_first() -> None:
    assert due(seen(), [C, B, A], ()) == Due(PILOT, builds=(C, B, A))
    assert due(seen(ONE, pilot=ONE, stable=ONE), [C, B, A], ()) == Due(PILOT, builds=(C, B))
    assert due(seen(), [], ()) is None


def test_nothing_newer_is_nothing_to_do() -> None:
    done = seen(ONE, pilot=ONE, stable=ONE)
    assert due(done, [A], ()) is None
    assert due(done, [replace(build("9"), content=A.content), A], ()) is None, "another build, the same tree"


def test_one_release_is_in_flight() -> None:
    flying = seen(ONE, TWO, pilot=TWO, stable=ONE)
    assert due(flying, [C, B, A], ()) == Due(STABLE, release=TWO)
    assert due(seen(ONE, pilot=ONE), [B, A], ()) == Due(STABLE, release=ONE), "the last ring is empty"


def test_what_has_come_furthest_goes_first() -> None:
    middle = Ring("early", "os/early")
    environment = replace(PROD, rings=(PILOT, middle, STABLE))
    three = release(C, 3, TWO)
    one, two, three = (replace(each, bindings=each.bindings | {middle.ref}) for each in (ONE, TWO, three))
    survey = replace(seen(one, two, three, pilot=three, early=two, stable=one), environment=environment)
    assert due(survey, [C], ()) == Due(STABLE, release=two)


def test_what_is_held_stops_nobody() -> None:
    flying = seen(ONE, TWO, pilot=TWO, stable=ONE)
    assert due(flying, [C, B, A], {TWO.checksum}) == Due(PILOT, builds=(C,))
    assert due(flying, [B, A], {TWO.checksum}) is None


def test_what_cannot_get_there_is_not_in_flight() -> None:
    behind = seen(ONE, TWO, pilot=ONE, stable=TWO)
    assert due(behind, [C, B, A], ()) == Due(PILOT, builds=(C, B)), "stable is ahead: moved by hand"
    unbound = replace(TWO, bindings=TWO.bindings - {STABLE.ref})
    assert due(seen(ONE, unbound, pilot=unbound, stable=ONE), [C, B], ()) == Due(PILOT, builds=(C,))
    rolled_back = release(A, 3, TWO, version="44.1.r3")
    assert due(seen(ONE, TWO, rolled_back, pilot=rolled_back, stable=ONE), [C, B, A], ()) == Due(
        PILOT, builds=(C, B)
    ), "stable has that content"
