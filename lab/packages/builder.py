"""Build the lab's RPMs. Runs inside a container that has rpmbuild and createrepo_c, as root.

builder.py base ROOT.tar VERSION REPOSITORY   setup and lab-base from a root file system
builder.py package NAME VERSION REPOSITORY    any other package
builder.py index REPOSITORY                   the repository's metadata
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
BASE_PACKAGES = ("setup", "lab-base")

# A machine's own traces, and Debian's records of what is installed: the image has RPM's.
LEFT_OUT = (
    # What rpm-ostree lets no package have: it makes them itself.
    *("boot", "dev", "home", "media", "mnt", "proc", "root", "srv", "sys", "tmp"),
    "run/*",
    "var/cache/apt",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/lib/rpm",
    "var/log/*",
    "etc/ssh/ssh_host_*",
    "etc/machine-id",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/fstab",
    "etc/.pwd.lock",
    "etc/*-",
)
ACCOUNT_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def names(database: Path) -> dict[int, str]:
    """Numbers to names, from a passwd or group file."""
    rows = (line.split(":") for line in database.read_text().splitlines())
    return {int(row[2]): row[0] for row in rows}


def file_list(tree: Path) -> Iterator[str]:
    """The lines of a %files section that keeps every owner and mode of a tree, but for the account files."""
    users, groups = names(tree / "etc/passwd"), names(tree / "etc/group")
    for folder, subfolders, files in os.walk(tree):
        for name in sorted(subfolders) + sorted(files):
            path = Path(folder, name)
            inside = f"/{path.relative_to(tree)}"
            if inside in ACCOUNT_FILES:
                continue
            found = path.lstat()
            mode = "-" if stat.S_ISLNK(found.st_mode) else f"{stat.S_IMODE(found.st_mode):o}"
            kind = "%dir " if stat.S_ISDIR(found.st_mode) else ""
            # rpm 4.20 takes quoted names literally: blanks and brackets need no escape.
            owner = f"{users[found.st_uid]},{groups[found.st_gid]}"
            yield f'%attr({mode},{owner}) {kind}"{inside.replace("%", "%%")}"'


def rpmbuild(name: str, version: str, repository: Path, **macros: str) -> None:
    """Build specs/NAME.spec, unless that version is there; a failure ends the program."""
    if any(repository.glob(f"{name}-{version}-*.rpm")):
        return
    with tempfile.TemporaryDirectory(dir=repository.parent) as top:
        settings = {
            "lab_version": version,
            "_topdir": top,
            "_rpmdir": str(repository),
            "_sourcedir": str(HERE / "files"),
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            # Fedora's rpmbuild looks for programs to strip, and fails in a package that has none.
            "debug_package": "%{nil}",
            "__os_install_post": "%{nil}",
            **macros,
        }
        command = ["rpmbuild", "-bb", "--quiet", "--nodeps"]
        for macro, value in settings.items():
            command += ["--define", f"{macro} {value}"]
        done = subprocess.run(
            [*command, str(HERE / "specs" / f"{name}.spec")], capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{name} {version} cannot be built: {done.stderr.strip()}")


def compile_python(tree: Path) -> None:
    """Compile a tree's Python: in an image every file is from 1970, and what goes by times is stale there."""
    folder = tree / f"usr/lib/python3.{sys.version_info.minor}"
    if not folder.is_dir():  # another one than the server's: it starts slowly then
        return
    command = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", tree, "-p", "/", folder, tree / "usr/lib/python3"], check=True)


def build_base(archive: Path, version: str, repository: Path) -> None:
    """Wrap a root file system, a tar archive, as setup and lab-base."""
    with tempfile.TemporaryDirectory(dir=repository.parent) as work:
        tree = Path(work, "tree")
        tree.mkdir()
        subprocess.run(
            ["tar", "--numeric-owner", "--xattrs", "-C", tree, "-xf", archive],
            check=True,
        )
        for pattern in LEFT_OUT:
            for path in list(tree.glob(pattern)):
                remove(path)
        compile_python(tree)
        files = Path(work, "files.txt")
        files.write_text("".join(f"{line}\n" for line in file_list(tree)))
        for name in BASE_PACKAGES:
            rpmbuild(name, version, repository, lab_tree=str(tree), lab_files=str(files))


def index(repository: Path) -> None:
    """Describe the packages that are there; whoever reads meanwhile sees the old or the new description."""
    subprocess.run(["createrepo_c", "--quiet", "--update", repository], check=True)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["base", archive, version, repository]:
            build_base(Path(archive), version, Path(repository))
        case ["package", name, version, repository] if name not in BASE_PACKAGES:
            rpmbuild(name, version, Path(repository))
        case ["index", repository]:
            index(Path(repository))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
