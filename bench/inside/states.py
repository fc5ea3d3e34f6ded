"""The states that runs begin from: made once, kept as copies, and put back before every run.

What is kept: the repositories of dev and prod, what the program keeps (but keys), and a repository that is
promoted to by the guide's commands alone. Everything is copied (`cp -a`): no run changes what the next one
begins from.
"""

from __future__ import annotations

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
        """Set the server to this state, with dev at the next build (-1) or at the last promoted one (-2)."""
        for name, place in _places().items():
            _copy(self.folder / name, place)
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
    """Return a state, made from the nearest smaller one that is kept."""
    wanted = Kept(objects, releases)
    if (wanted.folder / "builds.json").exists():
        return wanted
    smaller = [number for number in _kept(objects) if number < releases]
    if smaller:
        begun = Kept(objects, max(smaller))
        begun.put_back(-1)
        builds = begun.builds
    else:
        _empty()
        builds = [_build(1, objects)]
    for number in range(len(builds), releases + 1):
        show(builds[-1])
        promote()
        run("sh", "-ec", guide_script(promoted=number > 1))
        builds.append(_build(number + 1, objects))
        print(f"{objects} objects: {number} of {releases} releases", file=sys.stderr, flush=True)
    for name, place in _places().items():
        _copy(place, wanted.folder / name)
    (wanted.folder / "builds.json").write_text(json.dumps(builds), encoding="utf-8")
    return wanted


def _kept(objects: int) -> Iterator[int]:
    for path in KEPT.glob(f"{objects}-*/builds.json"):
        yield int(path.parent.name.partition("-")[2])


def _places() -> dict[str, Path]:
    state = {path.name: path for path in STATE.iterdir() if path.name not in ("keys", "declared", "gates")}
    return {
        "dev": DEV,
        "prod": PROD,
        "guide": GUIDE,
        **{f"state-{name}": path for name, path in state.items()},
    }


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
    for name, place in _places().items():
        _copy(deployed / name, place)


def _copy(source: Path, target: Path) -> None:
    """Make a file or folder a copy of another one."""
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    run("cp", "-a", "--no-target-directory", str(source), str(target))


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
