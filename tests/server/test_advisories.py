"""Advisories: what a compose keeps of the package repositories' updateinfo, and what the gate makes of it."""

from __future__ import annotations

import gzip
import json
import os
import stat
import unittest
from collections.abc import Mapping

from tests.server.support import DEV, Document, ServerTest

# Composes nothing: the newest build stays, and the cache is as the test has made it.
RPM_OSTREE = f"""#!/bin/sh
case "$*" in *--print-only*) echo '{{"ref": "{DEV}"}}';; esac
"""
UPDATE = """<update type="{kind}"><id>{id}</id><title>{title}</title><issued date="2026-01-02 03:04:05"/>
<severity>{severity}</severity><references><reference id="1" title="{cve}" type="bugzilla"/></references>
<pkglist><collection>{packages}</collection></pkglist></update>"""
PACKAGE = '<package name="{}" version="{}" release="{}" epoch="0" arch="{}"/>'


def update(
    identifier: str,
    severity: str,
    packages: Mapping[str, str],
    cve: str = "",
    kind: str = "security",
    arch: str = "x86_64",
) -> str:
    listed = (PACKAGE.format(name, *evr.split("-"), arch) for name, evr in packages.items())
    return UPDATE.format(
        id=identifier,
        kind=kind,
        severity=severity,
        cve=cve,
        title="an update",
        packages="".join(listed),
    )


class AdvisoriesTest(ServerTest):
    """A server whose composes change nothing but what is known about the newest build."""

    def setUp(self) -> None:
        super().setUp()
        top = self.server.top
        for folder in ("treefiles", "cache", "bin", "state/compose/dev"):
            (top / folder).mkdir(parents=True, exist_ok=True)
        (top / "treefiles/kinoite-dev.yaml").write_text("{}")
        program = top / "bin/rpm-ostree"
        program.write_text(RPM_OSTREE)
        program.chmod(0o755)

    def metadata(self, name: str, *updates: str, content: bytes | None = None) -> None:
        """Leave a package repository's metadata in the cache; content: of its updateinfo, packed."""
        folder = self.server.top / f"cache/cache/repomd/{name}/repodata"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "repomd.xml").write_text("<repomd/>")
        if content is None and updates:
            content = gzip.compress(f"<updates>{''.join(updates)}</updates>".encode())
        if content is not None:
            (folder / "0123-updateinfo.xml.gz").write_bytes(content)

    def compose(self) -> str:
        """Run a compose that changes nothing; returns what it said."""
        path = f"{self.server.top}/bin:{os.environ['PATH']}"
        done = self.server.call("run-compose", "dev", "--json", env={**os.environ, "PATH": path})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def kept(self, build: str) -> Document:
        path = self.server.state / f"advisories/dev/{build}.json"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)
        content = json.loads(path.read_text())
        assert isinstance(content, dict)
        return content


class Kept(AdvisoriesTest):
    def test_what_concerns_the_build(self) -> None:
        build = self.server.build("44.1", {"hello": "1.0-1", "tool": "1.0-1"})
        self.metadata(
            "f-44-x86_64",
            update("A-1", "Critical", {"hello": "1.1-1", "other": "2-1"}, cve="CVE-2026-1234 hello: bad"),
            update("A-2", "Low", {"other": "2-1"}),
            update("A-3", "Low", {"hello": "2-1"}, kind="bugfix"),
        )
        self.metadata("gone-44-x86_64", update("A-4", "Critical", {"hello": "9-1"}))
        self.compose()
        kept = self.kept(build)
        self.assertEqual((kept["build"], kept["repositories"]), (build, [{"id": "f", "problem": None}]))
        (advisory,) = kept["advisories"]
        self.assertEqual((advisory["id"], advisory["severity"]), ("A-1", "critical"))
        self.assertEqual((advisory["cves"], advisory["issued"]), (["CVE-2026-1234"], "2026-01-02 03:04:05"))
        self.assertEqual(advisory["packages"], [["hello", "0", "1.1", "1", "x86_64"]])

    def test_a_later_compose_that_changes_nothing_knows_more(self) -> None:
        build = self.server.build("44.1", {"hello": "1.0-1"})
        self.assertIn("No advisories of f: its metadata is not in the compose's cache", self.compose())
        self.metadata("f-44-x86_64")
        self.assertIn("No advisories of f: it has no updateinfo", self.compose())
        self.assertEqual(self.kept(build)["repositories"], [{"id": "f", "problem": "it has no updateinfo"}])
        self.metadata("f-44-x86_64", update("A-1", "Critical", {"hello": "1.1-1"}))
        self.assertNotIn("No advisories", self.compose())
        self.assertEqual(len(self.kept(build)["advisories"]), 1)

    def test_a_broken_one_does_not_stop_a_compose(self) -> None:
        build = self.server.build("44.1", {"hello": "1.0-1"})
        for content, words in (
            (b"no gzip", "Not a gzipped file"),
            (gzip.compress(b"<updates>"), "broken XML: no element found"),
            (gzip.compress(b'<!DOCTYPE u [<!ENTITY a "b">]><updates/>'), "declares a document type"),
        ):
            self.metadata("f-44-x86_64", content=content)
            said = self.compose()
            self.assertIn(f"No advisories of f: 0123-updateinfo.xml.gz: {words}", said)
            self.assertNotIn("Traceback", said)
            self.assertIn(words, self.kept(build)["repositories"][0]["problem"])

    def test_of_two_releases_of_fedora_the_newest_metadata_counts(self) -> None:
        build = self.server.build("44.1", {"hello": "1.0-1"})
        self.metadata("f-44-x86_64", update("A-44", "Low", {"hello": "2-1"}))
        self.metadata("f-43-x86_64", update("A-43", "Low", {"hello": "2-1"}))
        old = self.server.top / "cache/cache/repomd/f-43-x86_64/repodata/repomd.xml"
        os.utime(old, (1, 1))
        self.compose()
        self.assertEqual([each["id"] for each in self.kept(build)["advisories"]], ["A-44"])


if __name__ == "__main__":
    unittest.main()
