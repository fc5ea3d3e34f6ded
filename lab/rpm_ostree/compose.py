"""`rpm-ostree compose tree`: from a treefile to a commit that the ref names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.rpm_ostree import VERSION, accounts, treefile
from lab.rpm_ostree.errors import FailedError, not_here
from lab.rpm_ostree.install import PREFIX, Installer
from lab.rpm_ostree.packages import compose_diff, difference
from lab.rpm_ostree.postprocess import postprocess


@dataclass(frozen=True)
class Request:
    """The arguments of one `compose tree`."""

    treefile: Path
    repository: Path | None
    cache: Path | None
    strings: Mapping[str, str]
    compose_json: Path | None = None
    print_only: bool = False
    dry_run: bool = False
    force: bool = False
    no_parent: bool = False
    unified_core: bool = True


def say(line: str) -> None:
    print(line, flush=True)


def parse_strings(given: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE arguments as a dictionary."""
    strings = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator:
            raise FailedError(f"Missing '=' in KEY=VALUE metadata '{text}'")
        strings[key] = value
    return strings


def compose_tree(request: Request) -> None:
    """Compose, or say that there is nothing new; raises FailedError with the reason otherwise."""
    if request.print_only:
        say(treefile.print_only(treefile.load(request.treefile)))
        return
    # The program starts quickly on machines that only follow images: libostree is loaded where it is used.
    from lab.rpm_ostree.commit import cache_repository, commit, load_policy, metadata, publish
    from lab.rpm_ostree.libostree import (
        GLib,
        OSTree,
        message,
        open_repository,
        packages_of,
        resolve,
        texts_of,
    )

    repository, cache = request.repository, request.cache
    if repository is None:
        raise FailedError("--repo must be specified", usage="compose tree")
    if not request.unified_core:
        raise not_here("composing without --unified-core")
    if os.geteuid() != 0:
        raise FailedError("rpm-ostree compose tree must be run as root")
    if cache is None:
        raise not_here("composing without --cachedir")
    if not cache.is_dir():
        raise FailedError(f"Opening cachedir: opendir({cache}): No such file or directory")
    tree = treefile.load(request.treefile.absolute())
    files = treefile.account_files(request.treefile.absolute())
    if not repository.is_dir():
        raise FailedError(f"opendir({repository}): No such file or directory")
    try:
        target = open_repository(repository)
    except GLib.Error as error:
        raise FailedError(f"opening repo: {message(error)}") from None
    print(f"rpm-ostree version: {VERSION}", file=sys.stderr, flush=True)

    ref = tree.get("ref")
    if ref is not None:
        try:
            OSTree.parse_refspec(ref)
        except GLib.Error as error:
            raise FailedError(f"{PREFIX}: {message(error)}") from None
    previous = resolve(target, ref) if ref else None
    if ref:
        say(f"Previous commit: {previous}" if previous else f"No previous commit for {ref}")

    # Named as rpm-ostree names it: whoever cleans up after a killed compose looks for this.
    work = Path(tempfile.mkdtemp(prefix="rpm-ostree-compose.", dir=cache))
    try:
        installer = _prepare(tree, request, work, cache)
        packages = installer.resolve()
        say(f"Installing {len(packages)} packages:")
        for line in installer.listing():
            say(line)
        input_hash = input_state(tree, {**files, **treefile.contents(tree)}, installer.digests())
        say(f"Input state hash: {input_hash}")
        if previous and not request.force and _input_hash_of(target, previous) == input_hash:
            override = "" if request.dry_run else "; use --force-nocache to override"
            say(f"No apparent changes since previous commit{override}{'.' if request.dry_run else ''}")
            return
        if request.dry_run:
            say("--dry-run complete; exiting")
            return
        accounts.prepare(installer.root, tree, files, previous)
        stamps = installer.timestamps()
        installer.install()
        accounts.run_sysusers(installer.root)
        accounts.settle(installer.root, {package.name for package in packages})
        say("Checking out packages...done")
        say("Running post scripts...done")
        say("Writing rpmdb...done")
        strings = {**tree.get("add-commit-metadata", {}), **request.strings}
        policy = load_policy(installer.root) if tree.get("selinux", True) else None
        kernel = postprocess(installer.root, tree, strings.get("version"), say)
        parent = None if request.no_parent else previous
        before = texts_of(target, previous, accounts.FILES) if previous else {}
        accounts.check(installer.root, tree, files, before, say)
        built = cache / "repo-build"
        done = commit(
            cache_repository(built),
            installer.root,
            metadata(strings, input_hash, kernel, packages, stamps),
            parent,
            policy,
        )
        say("Committing...done")
        counted = done.statistics
        say(f"Metadata Total: {counted.metadata_total}")
        say(f"Metadata Written: {counted.metadata_written}")
        say(f"Content Total: {counted.content_total}")
        say(f"Content Written: {counted.content_written}")
        say(f"Content Cache Hits: {counted.cache_hits}")
        say(f"Content Bytes Written: {counted.bytes_written}")
        diff = compose_diff(difference(packages_of(target, parent), packages)) if parent else None
        say(publish(built, target, done.checksum, ref))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if request.compose_json is not None:
        written = {
            **({"ref": ref} if ref else {}),
            **_as_json(asdict(done.statistics)),
            "ostree-commit": done.checksum,
            "ostree-content-checksum": done.content_checksum,
            **({"ostree-version": strings["version"]} if "version" in strings else {}),
            "ostree-timestamp": datetime.fromtimestamp(done.timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "rpm-ostree-inputhash": input_hash,
            **({"pkgdiff": diff} if diff is not None else {}),
        }
        try:
            request.compose_json.write_text(json.dumps(written, separators=(",", ":")))
        except OSError as error:
            # The ref has moved by now, and stays moved: the real program does the same.
            raise FailedError(f"{error.filename}: {error.strerror}") from None
    say(f"{ref} => {done.checksum}" if ref else f"Wrote commit: {done.checksum}")


def input_state(tree: Mapping[str, Any], files: Mapping[str, str], digests: Sequence[str]) -> str:
    """Return a hash that is the same as long as a compose would have the same of everything that goes in."""
    described = json.dumps([tree, files, list(digests)], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def _prepare(tree: Mapping[str, Any], request: Request, work: Path, cache: Path) -> Installer:
    installer = Installer(tree, request.treefile.absolute().parent, cache / "cache", work)
    try:
        enabled = installer.choose_repositories()
    except FailedError:
        print("Discovered rpm-md repositories:", file=sys.stderr)
        print("".join(f"- {name}\n" for name in installer.discovered()), end="", file=sys.stderr)
        raise
    say(f"Enabled rpm-md repositories: {' '.join(enabled)}")
    installer.load()
    say("Importing rpm-md...done")
    for name in enabled:
        say(installer.repository_line(name))
    say("Resolving dependencies...done")
    return installer


def _input_hash_of(repository: Any, checksum: str) -> str | None:
    _, variant, _ = repository.load_commit(checksum)
    value = variant.get_child_value(0).lookup_value("rpmostree.inputhash", None)
    return value.get_string() if value is not None else None


def _as_json(counted: Mapping[str, int]) -> dict[str, int]:
    return {
        "ostree-n-metadata-total": counted["metadata_total"],
        "ostree-n-metadata-written": counted["metadata_written"],
        "ostree-n-content-total": counted["content_total"],
        "ostree-n-content-written": counted["content_written"],
        "ostree-n-cache-hits": counted["cache_hits"],
        "ostree-content-bytes-written": counted["bytes_written"],
    }
