"""The lab's package repository: filled when a lab starts, and added to by `publish`."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import cache, debootstrap, installing, rpm_ostree
from lab.engine import Engine
from lab.errors import LabError
from lab.packages.variants import Variant, spec
from lab.state import ROOT, Lab

FIRST_VERSIONS = {
    "lab-client": "1",
    "kernel": "6.18.0",
    "dracut": "107",
    "lab-system": "1",
    "rpm-ostree": rpm_ostree.VERSION,
    "kinoite-branding": "44",
    "hello": "1.0",
    "break-sshd": "1",
    "break-boot": "1",
    "break-initramfs": "1",
}
"""What a new lab's repository has, besides the two packages of the base."""

CLIENT_PACKAGES = ("setup", "lab-base", "kernel", "rpm-ostree")
"""What every image needs to boot and to be followed; dependencies come on their own."""

SUITE = "trixie"
BASE_VERSION = "13"


@dataclass(frozen=True)
class Advisory:
    """A security advisory about one version of a package.

    + cves: CVE identifiers
    """

    id: str
    severity: str
    cves: tuple[str, ...] = ()


_HERE = Path(__file__).resolve().parent
_TOOLS = "/usr/local/lib/lab-packages"
_NAME = re.compile(r"[a-z][a-z0-9+._-]*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_~^]*")
_MADE_BY_THE_LAB = ("setup", "lab-base")

_BUILD_BASE = f"""
set -eu
mkdir -p /cache/repository
python3 {_TOOLS}/builder.py base {_TOOLS}/root.tar {BASE_VERSION} /cache/repository
"""
_BUILD_REST = """
set -eu
mkdir -p /cache/repository
cp /base/repository/*.rpm /cache/repository/
# Packages that the image brings, such as the real rpm-ostree.
for package in /usr/share/lab-rpms/*.rpm; do
    [ ! -e "$package" ] || cp "$package" /cache/repository/
done
tools=$1; shift
while [ $# -gt 0 ]; do
    # A real one is what images get, also where it is older than the stand-in.
    if [ "$1" != rpm-ostree ] || [ -z "$(find /usr/share/lab-rpms -name 'rpm-ostree-*' 2>/dev/null)" ]; then
        python3 "$tools/builder.py" package "$1" "$2" /cache/repository
    fi
    shift 2
done
python3 "$tools/builder.py" index /cache/repository
"""
_FILL = """
set -eu
[ -e /srv/lab/packages/repodata/repomd.xml ] || cp -r /cache/repository/. /srv/lab/packages/
"""
_PUBLISH = """
set -eu
python3 "$1/builder.py" package "$2" "$3" /srv/lab/packages
python3 "$1/builder.py" index /srv/lab/packages
python3 "$1/updateinfo.py" /srv/lab/packages "$4"
"""
_WITHDRAW = """
set -eu
cd /srv/lab/packages
found=$(find . -name "$2-$3-*.rpm")
[ -n "$found" ] || { echo "the lab's repository has no $2 $3" >&2; exit 1; }
rm $found
python3 "$1/builder.py" index /srv/lab/packages
"""


def prepare(engine: Engine, lab: Lab, image: str, say: Callable[[str], None]) -> None:
    """Fill the lab's package volume, unless it is filled; what was published there stays.

    + engine: where the lab runs
    + lab: whose volume
    + image: the server's image, which has the tools
    + say: prints a line of progress
    """
    kept = ensure_cache(engine, image, say)
    engine.ensure_volume(lab, lab.packages_volume)
    volumes = {kept: "/cache", lab.packages_volume: "/srv/lab/packages"}
    engine.run(image, ["/bin/sh", "-c", _FILL], volumes=volumes, lab=lab)


def publish(
    engine: Engine,
    lab: Lab,
    image: str,
    name: str,
    version: str,
    variant: Variant = Variant(),  # noqa: B008 - frozen
    advisory: Advisory | None = None,
) -> None:
    """Build one more version of a package into the lab's repository, unless it is there.

    + engine: where the lab runs
    + lab: whose repository
    + image: the server's image, which has the tools
    + name: one of the lab's packages, or any other name for a new one that has only a program
    + version: of the package
    + variant: what this version has besides
    + advisory: the security advisory that the repository announces this version with

    Raises LabError: the name or the version is none, or one that is made by the lab itself.
    """
    if name in _MADE_BY_THE_LAB or not _NAME.fullmatch(name):
        raise LabError(f"{name!r} cannot be published: small letters, digits and + . _ - make a name")
    _check_version(version)
    known = _HERE / "specs" / f"{name}.spec"
    text = spec(name, known.read_text() if known.exists() else None, variant)
    announced = json.dumps({**asdict(advisory), "name": name, "version": version}) if advisory else ""
    engine.run(
        image,
        ["/bin/sh", "-c", _PUBLISH, "sh", _TOOLS, name, version, announced],
        volumes={lab.packages_volume: "/srv/lab/packages"},
        files={
            **_tools(),
            f"{_TOOLS}/specs/{name}.spec": (text.encode(), 0o644),
            f"{_TOOLS}/updateinfo.py": ((_HERE / "updateinfo.py").read_bytes(), 0o644),
        },
        lab=lab,
    )


def withdraw(engine: Engine, lab: Lab, image: str, name: str, version: str) -> None:
    """Take one version of a package out of the lab's repository; raises LabError where it is not there."""
    _check_version(version)
    engine.run(
        image,
        ["/bin/sh", "-c", _WITHDRAW, "sh", _TOOLS, name, version],
        volumes={lab.packages_volume: "/srv/lab/packages"},
        files=_tools(),
        lab=lab,
    )


def _check_version(version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise LabError(f"{version!r} is no version of an RPM: digits, letters and . + _ ~ ^, such as 2.0")


def ensure_cache(engine: Engine, image: str, say: Callable[[str], None]) -> str:
    """Return the volume, shared by all labs, with the repository of a new lab in /repository."""
    base = cache.Volume("base", _digest(_base_sources()))
    packages = cache.Volume("packages", packages_key(image))

    def build_base() -> None:
        installing.ensure_mmdebstrap(say)
        say("building the clients' Debian root file system (half a minute, once)")
        with _build_folder() as folder:
            archive = Path(folder, "root.tar")
            debootstrap.root_tar(archive, SUITE, _client_root())
            files = {**_tools(), f"{_TOOLS}/root.tar": (archive.read_bytes(), 0o644)}
        engine.run(image, ["/bin/sh", "-c", _BUILD_BASE], volumes={base.name: "/cache"}, files=files)

    def build_packages() -> None:
        cache.ensure(engine, image, base, build_base)
        say("building the lab's packages")
        wanted = [word for package in FIRST_VERSIONS.items() for word in package]
        engine.run(
            image,
            ["/bin/sh", "-c", _BUILD_REST, "sh", _TOOLS, *wanted],
            volumes={base.name: "/base", packages.name: "/cache"},
            files=_tools(),
        )

    cache.ensure(engine, image, packages, build_packages)
    return packages.name


def packages_key(image: str) -> str:
    """Return the hash of everything that the packages of a new lab are made from."""
    # The image may have packages of its own, such as a real rpm-ostree.
    return _digest({**_tools(), "image": (image.encode(), 0)})


def _tools() -> dict[str, tuple[bytes, int]]:
    found = {
        f"{_TOOLS}/{path.relative_to(_HERE)}": (path.read_bytes(), path.stat().st_mode & 0o777)
        for folder in ("specs", "files")
        for path in sorted((_HERE / folder).rglob("*"))
        if path.is_file()
    }
    found[f"{_TOOLS}/builder.py"] = ((_HERE / "builder.py").read_bytes(), 0o644)
    found[f"{_TOOLS}/files/rpm-ostree"] = rpm_ostree.files()["/usr/bin/rpm-ostree"]
    found[f"{_TOOLS}/client-root.txt"] = ((_HERE / "client-root.txt").read_bytes(), 0o644)
    return found


def _base_sources() -> dict[str, tuple[bytes, int]]:
    wanted = ("specs/lab-base.spec", "specs/setup.spec", "builder.py", "client-root.txt")
    return {f"{_TOOLS}/{name}": _tools()[f"{_TOOLS}/{name}"] for name in wanted}


def _client_root() -> list[str]:
    return (_HERE / "client-root.txt").read_text().split()


def _digest(files: dict[str, tuple[bytes, int]]) -> str:
    digest = hashlib.sha256(f"{SUITE} {BASE_VERSION} {sorted(FIRST_VERSIONS.items())}".encode())
    for path, (content, mode) in sorted(files.items()):
        digest.update(f"{path} {mode & 0o111:o} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _build_folder() -> tempfile.TemporaryDirectory[str]:
    # Not /tmp, which is memory on many machines.
    parent = ROOT / ".lab"
    parent.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="build-", dir=parent)
