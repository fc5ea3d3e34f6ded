"""What the lab's stand-in makes of dnf's root, wherever the rpm of its base keeps the database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.postprocess import finish_rpm_database


def tree(root: Path, place: str) -> Path:
    """Make a root whose rpm database is there, with the leftovers of rpm's way to write it."""
    (root / "usr/share").mkdir(parents=True)
    (root / "usr/lib").mkdir()
    folder = root / place
    folder.mkdir(parents=True)
    database = sqlite3.connect(folder / "rpmdb.sqlite")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE Packages (name)")
    database.execute("INSERT INTO Packages VALUES ('hello')")
    database.commit()
    database.close()
    (folder / ".rpm.lock").touch()
    return folder


# Upstream and Debian 13, Fedora, Debian 12.
@pytest.mark.parametrize("place", ["var/lib/rpm", "usr/lib/sysimage/rpm", "root/.rpmdb"])
def test_the_database_is_moved_and_can_be_read_where_nothing_can_be_written(
    tmp_path: Path, place: str
) -> None:
    made = tree(tmp_path, place)
    if place != "var/lib/rpm":  # links from the usual place, as Fedora has one
        (tmp_path / "var/lib").mkdir(parents=True)
        (tmp_path / "var/lib/rpm").symlink_to(f"../../{place}")
    finish_rpm_database(tmp_path)
    assert not made.exists() or made.is_symlink()
    kept = tmp_path / "usr/share/rpm"
    assert not kept.is_symlink()
    assert [path.name for path in kept.iterdir()] == ["rpmdb.sqlite"]
    kept.chmod(0o555)
    database = sqlite3.connect(f"file:{kept}/rpmdb.sqlite?mode=ro&immutable=0", uri=True)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert database.execute("SELECT name FROM Packages").fetchall() == [("hello",)]
    assert (tmp_path / "usr/lib/sysimage/rpm").resolve() == kept
    assert "%_dbpath /usr/share/rpm" in (tmp_path / "usr/lib/rpm/macros.d/macros.rpm-ostree").read_text()


def test_without_a_database_it_says_where_it_looked(tmp_path: Path) -> None:
    tree(tmp_path, "srv/rpm")
    with pytest.raises(FailedError, match="no rpm database in /var/lib/rpm, /usr/lib/sysimage/rpm, /root/"):
        finish_rpm_database(tmp_path)
