"""What the unit `ostree-release-compose@ENV.service` does: one compose, whoever asked for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .. import clock, disk, versions
from ..access import actor
from ..account_list import AccountList
from ..config import Environment
from ..context import Context
from ..environments.recovery import changing
from ..environments.signature import sign
from ..environments.summary import update_summary
from ..errors import Refused, Stopped
from ..images import pkglist
from ..model import Move, following
from ..repository.reading import Repository
from . import account_numbers, kept_with_builds, rpm_ostree, treefile
from .follow import folder, take_request, write

_UNCHANGED = "No apparent changes since previous commit"
_LEFTOVER = "rpm-ostree-compose.*"  # work directory of a killed rpm-ostree, which the next one leaves there


def run_compose(context: Context, name: str) -> dict[str, Any]:
    """Compose an environment and write its result file; returns the result as it is printed."""
    environment = context.config.composed(name)
    place = folder(context.config, environment)
    request = take_request(place / "request.json")
    asked = Context(context.config, request.get("actor", actor.TIMER), context.progress)
    with _recorded(place / "result.json") as result, changing(asked, environment, "compose"):
        result.update(_compose(asked, environment, place, request.get("version")))
    return result


def _compose(context: Context, environment: Environment, place: Path, version: str | None) -> dict[str, Any]:
    assert environment.cache is not None
    repository = Repository(environment.repository)
    environment.cache.mkdir(parents=True, exist_ok=True)
    room = (environment.repository, environment.cache)
    disk.require(f"compose of {environment.name}", context.config.minimum_free_bytes, *room)
    path, merged = treefile.check(environment)
    existing = [build.version for build in repository.history(environment.ref)]
    today = datetime.fromtimestamp(clock.now(), timezone.utc).date()
    version = versions.check(version or versions.next_build(context.config.fedora_release, today, existing))
    if version in existing:
        raise Refused(f"version {version}: {environment.name} has a build of that version already")
    for leftover in environment.cache.glob(_LEFTOVER):
        context.say(f"Removing {leftover}, left by a compose that was killed")
        shutil.rmtree(leftover)
    (place / "compose.json").unlink(missing_ok=True)
    known = account_numbers.catch_up(context, environment, repository)
    before = repository.refs().get(environment.ref)
    context.say(f"Composing {version} of {environment.name} from {path} for {context.actor}")
    own = account_numbers.own_keys(merged)
    hashes = treefile.hashes(
        environment, *(() if own else account_numbers.paths(context.config, environment))
    )
    record = context.journal.move(
        context.actor,
        "compose",
        environment.name,
        [],
        version=version,
        treefiles=hashes,
        starts={"ref": environment.ref, "from": before},
    )

    def composed(*options: str) -> rpm_ostree.Ended:
        with account_numbers.handed(context.config, environment, path, merged) as given:
            return rpm_ostree.run(
                [
                    "compose",
                    "tree",
                    "--unified-core",
                    f"--repo={environment.repository}",
                    f"--cachedir={environment.cache}",
                    f"--add-metadata-string=version={version}",
                    f"--write-composejson-to={place / 'compose.json'}",
                    *options,
                    str(given),
                ]
            )

    with record as moves:
        if own:
            context.say(
                f"{path} has {', '.join(own)}, so the list of users and groups is not used: numbers may move"
            )
            ended = composed()
        else:
            ended = _keeping(context, environment, repository, known, composed)
        after = repository.refs().get(environment.ref)
        # The exit status does not decide: rpm-ostree can fail after it has moved the ref.
        if ended.status and after == before:
            reason = rpm_ostree.failure(ended, rpm_ostree.out_of_memory())
            raise Refused(f"compose of {environment.name}: {reason}")
        if after is None:
            raise Refused(f"compose of {environment.name}: rpm-ostree made no commit on {environment.ref}")
        moves.append(Move(environment.ref, before, after))
    build = repository.commit(after)
    new = account_numbers.remember(context, environment, repository, after) if after != before else ()
    kept_with_builds.keep_advisories(context, environment, repository, after, merged)
    if after != before:  # an unchanged build's packages may be listed with another repository by now
        kept_with_builds.keep_origins(context, environment, after, kept_with_builds.listed(ended.output))
    sign(context, environment, repository, build)
    update_summary(context, environment, repository)
    old = (repository, before) if before and before != after and repository.has(before) else None
    return {
        "outcome": "built" if after != before else "unchanged",
        "environment": environment.name,
        "version": build.version,
        "checksum": build.checksum,
        "previous": before,
        "packages": pkglist.between(old, (repository, after)),
        "disk": disk.usage(environment.repository),
        "actor": context.actor,
        "next": following("promote"),
        "treefiles": hashes,
        "accounts": [{"kind": each.kind, "name": each.name, "number": each.number} for each in new],
    }


def _keeping(
    context: Context,
    environment: Environment,
    repository: Repository,
    known: AccountList,
    composed: Callable[..., rpm_ostree.Ended],
) -> rpm_ostree.Ended:
    """Run rpm-ostree so that it keeps the numbers of a list.

    + composed: does so, with more of its options

    The list is input as the packages are. Where it has only grown by the newest build, rpm-ostree is asked
    first, with the list as it was, whether there is anything else to compose for.
    """
    if account_numbers.may_be_unchanged(context.config, environment, repository, known):
        ended = composed("--dry-run")
        if ended.status or any(line.startswith(_UNCHANGED) for line in ended.output):
            return ended
    last = account_numbers.last_handed(context.config, environment)
    before = repository.refs().get(environment.ref)
    account_numbers.hand(context.config, environment, known)
    ended = composed()
    if ended.status and repository.refs().get(environment.ref) == before:
        account_numbers.hand(context.config, environment, last)
    return ended


@contextmanager
def _recorded(path: Path) -> Iterator[dict[str, Any]]:
    """Write the result file at the end of the block: what the block put into it, or why it failed."""
    path.unlink(missing_ok=True)
    invocation = {"invocation": os.environ.get("INVOCATION_ID", "")}  # by systemd, for this run of the unit
    result: dict[str, Any] = {}
    try:
        yield result
    except (Refused, Stopped) as end:
        write(path, {**invocation, "error": str(end), "status": end.status})
        raise
    write(path, {**invocation, "result": result})
