"""Whether each release is what its ref says: its commit, its parent, its signature, the build it names."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Commit
from ..text import short
from .evidence import Finding, Image, Seen


def check(seen: Seen) -> Iterator[Finding]:
    """Yield what is wrong with the releases and with what the environment's refs name."""
    for ref, checksum in sorted(seen.refs.items()):
        if checksum not in seen.images:
            yield Finding(ref, f"names {short(checksum)}, which is missing or only partly there")
    before: Commit | None = None
    for ref, image in seen.releases.items():
        yield from _commit(ref, image, seen)
        yield from _parent(ref, image.commit, before)
        before = image.commit
    yield from _tips(seen)


def summary(seen: Seen) -> Iterator[Finding]:
    """Yield what the summary, which clients look refs up in, says otherwise than the refs."""
    name = f"summary of {seen.environment.name}"
    if seen.summary is None:
        if seen.refs:
            yield Finding(name, "is missing: clients find no ref; promoting again repairs it")
        return
    for ref in sorted({*seen.summary, *seen.refs}):
        told, now = seen.summary.get(ref), seen.refs.get(ref)
        if told != now:
            says, is_at = map(short, (told, now))
            yield Finding(name, f"says that {ref} is at {says}, but it is at {is_at}")


def signed_by(image: Image, keys: frozenset[str]) -> str | None:
    """Return the fingerprint of the key, one of some, by which an image has a valid signature."""
    return next((key for key, wrong in image.signatures if not wrong and key in keys), None)


def _commit(ref: str, image: Image, seen: Seen) -> Iterator[Finding]:
    commit = image.commit
    if ref != seen.environment.release_ref(commit.version):
        yield Finding(ref, f"names {short(commit.checksum)}, which is version {commit.version}")
    if ref not in commit.bindings:
        yield Finding(ref, f"names {short(commit.checksum)}, whose metadata is not bound to this ref")
    yield from _signature(ref, image, seen.keys)
    if image.build and image.build.content != commit.content:
        yield Finding(ref, f"has another tree than build {image.build.version}, which it says it is")


def _signature(ref: str, image: Image, keys: frozenset[str]) -> Iterator[Finding]:
    if signed_by(image, keys):
        return
    if not image.signatures:
        yield Finding(ref, f"{short(image.commit.checksum)} has no signature")
        return
    for key, wrong in image.signatures:
        why = wrong or "its key is not among those that clients trust"
        yield Finding(ref, f"the signature of {short(image.commit.checksum)} by {key} is not good: {why}")


def _parent(ref: str, commit: Commit, before: Commit | None) -> Iterator[Finding]:
    """Yield a finding unless the parent is the release before; only a release that was retired is unknown."""
    if before and commit.serial == before.serial:
        yield Finding(ref, f"has serial {commit.serial}, as release {before.version} has")
        return
    if before and commit.serial == before.serial + 1:
        wanted: str | None = before.checksum
    elif commit.serial == 1:
        wanted = None
    elif commit.serial and commit.parent:
        return
    else:
        yield Finding(ref, f"has serial {commit.serial} and no parent")
        return
    if commit.parent != wanted:
        has, due = (short(value) if value else "no parent" for value in (commit.parent, wanted))
        yield Finding(ref, f"its parent is {has}, not the release before it ({due})")


def _tips(seen: Seen) -> Iterator[Finding]:
    """Yield the rings that name something which is no release, or is not meant for them."""
    released = {image.commit.checksum for image in seen.releases.values()}
    for ring in seen.environment.rings:
        image = seen.images.get(seen.refs.get(ring.ref, ""))
        if image is None:
            continue
        if image.commit.checksum not in released:
            yield Finding(ring.ref, f"names {short(image.commit.checksum)}, which no release ref names")
        if ring.ref not in image.commit.bindings:
            yield Finding(ring.ref, f"names {image.commit.version}, whose metadata is not bound to this ref")
