"""Choosing and installing a tree's packages, with dnf as the library."""

from __future__ import annotations

import importlib
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.rpm_ostree.errors import FailedError, not_here
from lab.rpm_ostree.packages import Package

PREFIX = "Installing packages"


class Installer:
    """One resolution and installation into an empty root.

    + tree: the flat treefile
    + repositories: the folder with the `.repo` files: the treefile's
    + cache: where downloaded metadata and packages stay between composes
    + work: a folder of this compose's own, on the cache's file system
    """

    def __init__(self, tree: Mapping[str, Any], repositories: Path, cache: Path, work: Path) -> None:
        # Only composing needs it; clients' images do not have it.
        self._dnf: Any = importlib.import_module("dnf")
        self.root = work / "rootfs"
        self.root.mkdir()
        (work / "dnf").mkdir()
        self._tree = tree
        self._metadata = cache / "repomd"
        conf = self._dnf.conf.Conf()
        conf.installroot = str(self.root)
        conf.cachedir = str(cache)
        conf.persistdir = str(work / "dnf")
        conf.logdir = str(work / "dnf")
        conf.reposdir = [str(repositories)]
        conf.pluginpath = []
        conf.install_weak_deps = tree.get("recommends", True)
        conf.tsflags = [] if tree.get("documentation", True) else ["nodocs"]
        conf.excludepkgs = list(tree.get("exclude-packages", []))
        conf.substitutions["releasever"] = tree.get("releasever", "")
        conf.substitutions["basearch"] = tree["basearch"]
        conf.keepcache = True
        self._base = self._dnf.Base(conf)

    def choose_repositories(self) -> list[str]:
        """Enable the treefile's repositories, or every enabled one, and return their names."""
        self._base.read_all_repos()
        found = self._base.repos
        wanted = self._tree.get("repos") or [repo.id for repo in found.iter_enabled()]
        for name in wanted:
            if name not in found:
                raise FailedError(f"{PREFIX}: Unknown rpm-md repository: {name}")
        for repo in found.values():
            if repo.id not in wanted:
                repo.disable()
                continue
            repo.enable()
            repo.metadata_expire = 0
            repo.skip_if_unavailable = False
            if repo.gpgcheck:
                raise not_here(f"{PREFIX}: checking the packages of '{repo.id}' (gpgcheck=1)")
        return list(wanted)

    def discovered(self) -> list[str]:
        """Return the names of all repositories beside the treefile."""
        return [repo.id for repo in self._base.repos.values()]

    def load(self) -> None:
        """Fetch what the repositories have."""
        try:
            self._base.fill_sack(load_system_repo=False)
        except self._dnf.exceptions.RepoError as error:
            name = next(self._base.repos.iter_enabled()).id
            raise FailedError(f"{PREFIX}: Updating rpm-md repo '{name}': {_line(error)}") from None
        for repo in self._base.repos.iter_enabled():
            self._leave_metadata(repo)

    def _leave_metadata(self, repo: Any) -> None:
        """Leave what was fetched where the real program leaves it, for whoever looks into the cache."""
        if _is_read_in_place(repo):
            return
        release = self._tree.get("releasever", "")
        place = self._metadata / f"{repo.id}-{release}-{self._tree['basearch']}" / "repodata"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(Path(repo._repo.getCachedir()) / "repodata", place)

    def timestamps(self) -> dict[str, int]:
        """Return when each enabled repository's metadata was made, in seconds since 1970."""
        return {repo.id: int(repo._repo.getMaxTimestamp()) for repo in self._base.repos.iter_enabled()}

    def repository_line(self, name: str) -> str:
        """Return the line that tells how fresh a repository is."""
        made = datetime.fromtimestamp(self.timestamps()[name], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        count = len(self._base.sack.query().filter(reponame=name))
        return f"rpm-md repo '{name}' (cached); generated: {made} solvables: {count}"

    def resolve(self) -> list[Package]:
        """Choose the packages, and return them sorted."""
        missing = []
        for name in self._tree["packages"]:
            try:
                self._base.install(name)
            except self._dnf.exceptions.MarkingError:
                missing.append(name)
        if missing:
            raise FailedError(f"{PREFIX}: Packages not found: {', '.join(missing)}")
        try:
            self._base.resolve()
        except self._dnf.exceptions.DepsolveError as error:
            raise FailedError(f"{PREFIX}: Could not depsolve transaction; {_line(error)}") from None
        return sorted(_package(found) for found in self._chosen())

    def listing(self) -> list[str]:
        """Return one line per chosen package, with its repository."""
        return [f"  {package.nevra} ({found.reponame})" for package, found in self._by_package()]

    def digests(self) -> list[str]:
        """Return the chosen packages with their checksums: what an input state consists of."""
        return [f"{package.nevra} {found.chksum[1].hex()}" for package, found in self._by_package()]

    def install(self) -> None:
        """Install what was chosen, scriptlets included."""
        rpm = importlib.import_module("rpm")
        sysusers = shutil.which("systemd-sysusers")
        if sysusers:
            # Debian's rpm makes a package's users by a script of its own, and numbers them differently.
            rpm.addMacro("__systemd_sysusers", sysusers)
        (self.root / "dev").mkdir()
        os.mknod(self.root / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))  # scriptlets write there
        wanted = {package.name for package in self._chosen()}
        try:
            self._base.download_packages(list(self._base.transaction.install_set))
            self._base.do_transaction()
        except self._dnf.exceptions.Error as error:
            raise FailedError(f"{PREFIX}: {_line(error)}") from None
        finally:
            self._base.close()
        # dnf goes on where a %pre fails, and leaves the package out.
        there = {header["name"] for header in rpm.TransactionSet(str(self.root)).dbMatch()}
        if wanted - there:
            raise FailedError(f"{PREFIX}: Running %pre for {', '.join(sorted(wanted - there))}: it failed")

    def _chosen(self) -> Sequence[Any]:
        return list(self._base.transaction.install_set)

    def _by_package(self) -> list[tuple[Package, Any]]:
        return sorted(((_package(found), found) for found in self._chosen()), key=lambda pair: pair[0])


def _is_read_in_place(repo: Any) -> bool:
    """Say whether libdnf takes a repository for a directory on this machine, of which it copies nothing."""
    fetched = repo.mirrorlist or repo.metalink or not repo.baseurl
    return not fetched and repo.baseurl[0].lower().startswith(("file://", "/"))


def _package(found: Any) -> Package:
    return Package(found.name, str(found.epoch), found.version, found.release, found.arch)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
