"""Reading what is proven: the journal, its anchors, and promoting environments with their commits."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from .. import anchors, lock
from ..config import Environment
from ..context import Context
from ..errors import Busy, Refused
from ..repository.reading import Repository
from ..signing import gpg, keyring
from . import chain
from .evidence import Image, Line, Seen

_ATTEMPTS = 10  # readings while somebody changes what is read


@dataclass(frozen=True)
class _Moment:
    """What changes when an environment does."""

    refs: dict[str, str]
    summary: dict[str, str] | None
    anchors: bytes
    busy: str | None


def read(context: Context, environments: Sequence[Environment]) -> tuple[list[Line], list[Seen]]:
    """Return the journal and what the environments have, of one moment; Busy where there is none.

    Only the locks of whoever reads are held: nobody who promotes waits for a proof.
    """
    with contextlib.ExitStack() as locks:
        for environment in environments:
            locks.enter_context(context.reading(environment))
        for _ in range(_ATTEMPTS):
            moments = [_moment(context, environment) for environment in environments]
            journal = chain.lines(context.journal.content() if context.config.journal.exists() else b"")
            if moments == [_moment(context, environment) for environment in environments]:
                return journal, [_seen(context, *each) for each in zip(environments, moments)]
    raise Busy("verify: what it reads is being changed all the time: try again later")


def _moment(context: Context, environment: Environment) -> _Moment:
    repository = Repository(environment.repository)
    return _Moment(
        refs=repository.refs(),
        summary=repository.summary(),
        anchors=anchors.read(context.config, environment),
        busy=lock.held_by(context.config.run, environment.name),
    )


def _seen(context: Context, environment: Environment, moment: _Moment) -> Seen:
    _, source = context.config.promoting(environment.name)
    repository, origin = Repository(environment.repository), Repository(source.repository)
    found = {
        checksum: _image(environment, repository, origin, checksum) for checksum in {*moment.refs.values()}
    }
    signed = anchors.parse(moment.anchors)
    last = signed[-1] if signed else None
    old = keyring.withdrawn(context.config, environment)
    files = [environment.public_key, *([old] if old.exists() else [])]
    return Seen(
        environment=environment,
        refs=moment.refs,
        summary=moment.summary,
        images={checksum: image for checksum, image in found.items() if image},
        keys=gpg.fingerprints(environment.public_key),
        withdrawn=gpg.fingerprints(old) if old.exists() else frozenset(),
        anchors=tuple(signed),
        signers=gpg.signers(last.document, last.signature, files) if last else frozenset(),
        busy=moment.busy,
    )


def _image(
    environment: Environment, repository: Repository, origin: Repository, checksum: str
) -> Image | None:
    """Return a commit with what belongs to it, or None where it is missing or only partly there."""
    try:
        commit = repository.commit(checksum)
    except Refused:
        return None
    build = origin.commit(commit.build) if commit.build and origin.has(commit.build) else None
    return Image(
        commit=commit,
        signatures=tuple(repository.signatures(checksum, environment.public_key)),
        build=build,
        repositories=repository.package_repositories(checksum) or (),
        packages=repository.package_count(checksum),
    )
