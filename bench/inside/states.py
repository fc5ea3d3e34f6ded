"""The states that runs begin from: made once, kept as copies, and put back before every run.

What is kept: the repositories of dev and prod, what the program keeps (but keys), and a repository that is
promoted to by the guide's commands alone. Objects become hard links, because they never change, and all
else is copied: no run changes what the next one begins from.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import run
from tests.server import synthetic
from tests.server.support import opened

DEV = Path("/srv/ostree/rpm-ostree/dev")
PROD = Path("/srv/ostree/rpm-ostree/prod")
STATE = Path("/var/lib/ostree-release")
CONFIGURATION = Path("/etc/ostree-release/config.json")
TOP = Path("/srv/bench")
GUIDE = TOP / "guide"
KEPT = TOP / "kept"
_STEP = 50  # releases after which a state is kept, so that an interruption does not cost all of them
_REPOSITORIES = {"dev": DEV, "prod": PROD, "guide": GUIDE}

# As the guide's section "Manual Promotion" has it, with this server's paths. Its `refs --create` refuses
# a ref that exists, so that every promotion but the first one needs --force, which the guide has not.
GUIDE_SCRIPT = """
DEV_COMMIT=$(ostree rev-parse --repo={dev} {ref})
ostree pull-local --repo={prod} {dev} {ref}
ostree refs --repo={prod} {force}--create={stable} $DEV_COMMIT
ostree summary -u --repo={prod}
"""
PROMOTE = ("runuser", "-u", "ostree-prod", "--", "ostree-release", "promote", "--json")


@dataclass(frozen=True)
class Kept:
    """A state on disk: so many releases of builds of a size, and one more build."""

    objects: int
    releases: int

    @property
    def folder(self) -> Path:
        return KEPT / f"{self.objects}-{self.releases}"

    @property
    def builds(self) -> list[str]:
        """The builds' checksums: the promoted ones, in order, and the next one."""
        found: list[str] = json.loads((self.folder / "builds.json").read_text(encoding="utf-8"))
        return found

    def put_back(self, newest: int) -> None:
        """Undo what a run did, and set dev to the next build (-1) or to the last promoted one (-2).

        Of dev, nothing but its ref is ever changed by a run.
        """
        _set(self.folder, but=DEV)
        show(self.builds[newest])
        run("sync")


def show(build: str) -> None:
    """Set dev's ref to a build, with the summary that a compose would leave."""
    repo = opened(DEV)
    repo.set_ref_immediate(None, ref(), build, None)
    repo.regenerate_summary(None, None)


def ref() -> str:
    """Return dev's ref on this server."""
    environment = json.loads(CONFIGURATION.read_text(encoding="utf-8"))["environments"]["dev"]
    return str(environment["ref"])


def guide_script(promoted: bool) -> str:
    """Return the guide's commands; promoted: whether something was promoted before."""
    stable = ref().rpartition("/")[0] + "/stable"
    force = "--force " if promoted else ""
    return GUIDE_SCRIPT.format(dev=DEV, prod=GUIDE, ref=ref(), stable=stable, force=force)


def promote() -> str:
    """Promote the newest build; returns the outcome."""
    return str(json.loads(run(*PROMOTE, cwd="/").stdout.splitlines()[-1])["outcome"])


def prepare(objects: int, releases: int) -> Kept:
    """Set the server to a state, which is made from the nearest smaller one that is kept, and return it."""
    kept = [number for number in _kept(objects) if number <= releases]
    if kept:
        nearest = Kept(objects, max(kept))
        _set(nearest.folder)
        builds = nearest.builds
    else:
        _empty()
        builds = [_build(1, objects)]
        _keep(Kept(objects, 0), builds)
    while len(builds) <= releases:
        with _unsynced():
            for number in range(len(builds), min(releases, len(builds) + _STEP - 1) + 1):
                show(builds[-1])
                promote()
                run("sh", "-ec", guide_script(promoted=number > 1))
                builds.append(_build(number + 1, objects))
                print(f"{objects} objects: {number} of {releases} releases", file=sys.stderr, flush=True)
        _keep(Kept(objects, len(builds) - 1), builds)
    return Kept(objects, releases)


def _keep(kept: Kept, builds: list[str]) -> None:
    for name, place in _places().items():
        _copy(place, kept.folder / name)
    (kept.folder / "builds.json").write_text(json.dumps(builds), encoding="utf-8")


@contextlib.contextmanager
def _unsynced() -> Iterator[None]:
    """Let libostree not wait for the disk meanwhile: what is made here can be made again."""
    paths = [repository / "config" for repository in _REPOSITORIES.values()]
    configurations = {path: path.read_text(encoding="utf-8") for path in paths}
    for path, text in configurations.items():
        path.write_text(text.replace("[core]", "[core]\nfsync=false"), encoding="utf-8")
    try:
        yield
    finally:
        for path, text in configurations.items():
            path.write_text(text, encoding="utf-8")
        run("sync")


def _kept(objects: int) -> Iterator[int]:
    for path in KEPT.glob(f"{objects}-*/builds.json"):
        yield int(path.parent.name.partition("-")[2])


def _places() -> dict[str, Path]:
    left = {path.name: path for path in STATE.iterdir() if ".bench-" not in path.name}
    state = {name: path for name, path in left.items() if name not in ("keys", "declared", "gates")}
    return {**_REPOSITORIES, **{f"state-{name}": path for name, path in state.items()}}


def _empty() -> None:
    """Set the server to what deploy.py leaves; the first time, what it is kept of has to be that."""
    deployed = KEPT / "deployed"
    if not deployed.exists():
        if (STATE / "journal.jsonl").stat().st_size:
            sys.exit("this lab was used for something else: take it down, or name another one in LAB_NAME")
        TOP.mkdir(exist_ok=True)
        run("ostree", f"--repo={GUIDE}", "init", "--mode=archive")
        for name, place in _places().items():
            _copy(place, deployed / name)
    _set(deployed)


def _set(folder: Path, but: Path | None = None) -> None:
    """Set the server to what is kept in a folder; what a later version of the program has besides, stays."""
    for name, place in _places().items():
        if place != but and (folder / name).exists():
            _copy(folder / name, place)


def _copy(source: Path, target: Path) -> None:
    """Make a file or folder a copy of another one; it is never away for long."""
    new, old = (target.with_name(f"{target.name}.bench-{which}") for which in ("new", "old"))
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    new.parent.mkdir(parents=True, exist_ok=True)
    linked = (source / "objects").is_dir()
    run("cp", "-al" if linked else "-a", "--no-target-directory", str(source), str(new))
    if linked:
        for path in [each for each in new.iterdir() if each.name != "objects"]:
            run("rm", "-r", str(path))
            run("cp", "-a", str(source / path.name), str(new))
    if target.is_dir():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _build(number: int, objects: int) -> str:
    """Make a build, signed and with its advisories, as a compose would leave it."""
    checksum = synthetic.build(DEV, ref(), number, objects)
    home = STATE / "keys/dev"
    listed = run("gpg", "--homedir", str(home), "--batch", "--with-colons", "--list-secret-keys").stdout
    key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    opened(DEV).sign_commit(checksum, key, str(home), None)
    run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")
    (STATE / "advisories/dev" / f"{checksum}.json").write_text(
        synthetic.advisories(checksum), encoding="utf-8"
    )
    return checksum
