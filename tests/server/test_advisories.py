"""Advisories: what a compose keeps of the package repositories' updateinfo, and what the gate makes of it.

Repositories on this machine are made by createrepo_c and modifyrepo_c.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import unittest
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ostree_release.answers import Finding, Outcome
from ostree_release.composing import repomd, updateinfo
from ostree_release.gates import advisories
from tests.server.images import subject
from tests.server.support import DEV, Document, ServerTest, run

# Composes nothing: the newest build stays, and the cache is as the test has made it.
RPM_OSTREE = f"""#!/bin/sh
case "$*" in *--print-only*)
    echo '{{"ref": "{DEV}", "repos": ["f"], "releasever": "44", "basearch": "x86_64"}}';;
esac
"""
INDEX = """<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="updateinfo">
<checksum type="sha256">{digest}</checksum><location href="repodata/{name}"/></data></repomd>"""
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


def document(*updates: str) -> bytes:
    return f"<updates>{''.join(updates)}</updates>".encode()


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
        index = "<repomd/>"
        if content is None and updates:
            content = gzip.compress(document(*updates))
        if content is not None:
            (folder / "0123-updateinfo.xml.gz").write_bytes(content)
            index = INDEX.format(digest=sha256(content).hexdigest(), name="0123-updateinfo.xml.gz")
        (folder / "repomd.xml").write_text(index)

    def local(self, *updates: str, options: tuple[str, ...] = ()) -> Path:
        """Make a package repository on this machine, and say that `f` is it; options: of modifyrepo_c."""
        folder = self.server.top / "packages-44"
        folder.mkdir(exist_ok=True)
        run("createrepo_c", "--quiet", folder)
        if updates:
            (self.server.top / "updateinfo.xml").write_bytes(document(*updates))
            content = self.server.top / "updateinfo.xml"
            run("modifyrepo_c", "--mdtype=updateinfo", *options, content, folder / "repodata")
        place = f"file://{self.server.top}/packages-$releasever"
        (self.server.top / "treefiles/f.repo").write_text(f"[f]\nbaseurl={place}\n")
        return folder

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

    def test_of_two_releases_of_fedora_the_treefiles_counts(self) -> None:
        build = self.server.build("44.1", {"hello": "1.0-1"})
        self.metadata("f-44-x86_64", update("A-44", "Low", {"hello": "2-1"}))
        self.metadata("f-43-x86_64", update("A-43", "Low", {"hello": "2-1"}))
        self.compose()
        self.assertEqual([each["id"] for each in self.kept(build)["advisories"]], ["A-44"])


class Local(AdvisoriesTest):
    """Of a repository on this machine rpm-ostree leaves nothing in its cache."""

    def problem(self) -> str:
        """Compose; returns why there are no advisories, or nothing where there are some."""
        said = self.compose()
        self.assertNotIn("Traceback", said)
        (source,) = self.kept(self.build)["repositories"]
        problem = source["problem"] or ""
        self.assertEqual("No advisories of f" in said, bool(problem))
        return str(problem)

    def setUp(self) -> None:
        super().setUp()
        self.build = self.server.build("44.1", {"hello": "1.0-1"})

    def test_every_packing_of_it_is_read(self) -> None:
        for number, options in enumerate(
            (
                ("--no-compress",),
                *((f"--compress-type={packing}",) for packing in ("gz", "xz", "bz2", "zstd", "zck")),
                ("--zck",),
            )
        ):
            folder = self.local(update(f"A-{number}", "Critical", {"hello": "1.1-1"}), options=options)
            found = repomd.updateinfo(folder)
            assert found is not None
            read = updateinfo.read(found.path, found.checksum)
            self.assertEqual([advisory.id for advisory in read], [f"A-{number}"], options)
        beside = next(path for path in folder.glob("repodata/*updateinfo*") if path.suffix != ".zck")
        beside.unlink()
        found = repomd.updateinfo(folder)
        assert found is not None
        self.assertEqual(found.path.suffix, ".zck", "the other one was the first choice")
        self.assertEqual(updateinfo.read(found.path, found.checksum), read)

    def test_what_the_cache_has_from_another_time_does_not_count(self) -> None:
        self.metadata("f-44-x86_64", update("A-0", "Low", {"hello": "9-1"}))
        self.local()
        self.assertEqual(self.problem(), "it has no updateinfo")
        folder = self.local(update("A-1", "Critical", {"hello": "1.1-1"}))
        self.assertEqual(self.problem(), "")
        self.assertEqual([advisory["id"] for advisory in self.kept(self.build)["advisories"]], ["A-1"])
        damaged = next(folder.glob("repodata/*-updateinfo.xml*"))
        damaged.write_bytes(damaged.read_bytes()[:-8])
        self.assertIn("damaged: its sha256 is not the one that repomd.xml has", self.problem())
        shutil.rmtree(folder)
        self.assertIn("packages-44/repodata/repomd.xml: No such file or directory", self.problem())


class Gate(AdvisoriesTest):
    def staged(self, version: str, **packages: str) -> None:
        self.server.build(version, packages)
        self.compose()
        self.server.json("stage")

    def judge(self, **options: str) -> Outcome:
        """Ask the gate about the newest candidate."""
        return advisories.judge(subject(self.server, "advisories", **options))

    def test_what_is_lacking_is_named_and_its_severity_decides(self) -> None:
        self.metadata(
            "f-44-x86_64",
            update("A-1", "Critical", {"hello": "62.1-1"}, cve="CVE-2026-1234 hello: bad"),
            update("A-2", "Weird", {"tool": "2-1"}),
            update("A-3", "Low", {"tool": "3-1"}),
            update("A-4", "Critical", {"tool": "0.9-1"}),
            update("A-5", "Critical", {"tool": "9-1"}, arch="aarch64"),
        )
        self.staged("44.1", hello="62.0-1", tool="1-1")
        found = self.judge()
        self.assertEqual(
            found.findings,
            (
                Finding(
                    "advisory:A-1:hello",
                    "needs-approval",
                    "lacks A-1 (critical, CVE-2026-1234): hello 62.0-1 -> 62.1-1",
                ),
                Finding("advisory:A-3:tool", "pass", "lacks A-3 (low): tool 1-1 -> 3-1"),
                Finding("advisory:A-2:tool", "warn", "lacks A-2 (severity unknown): tool 1-1 -> 2-1"),
            ),
        )
        self.assertEqual(found.answer, "needs-approval")
        self.assertEqual(found.data["lacks"][0]["cves"], ["CVE-2026-1234"])
        self.assertEqual(self.judge(critical="pass", important="pass").answer, "pass")

    def test_what_is_fixed_since_the_tip_of_the_ring(self) -> None:
        self.promote_new("44.1", hello="62.0-1")
        self.metadata(
            "f-44-x86_64",
            update("A-1", "Critical", {"hello": "62.1-1"}, cve="CVE-2026-1234 hello: bad"),
            update("A-0", "Critical", {"hello": "61.0-1"}),
        )
        self.staged("44.2", hello="62.1-1")
        found = self.judge()
        self.assertEqual((found.answer, found.findings), ("pass", ()))
        self.assertEqual(found.line, "fixes A-1 (critical, CVE-2026-1234), lacks none that is known")
        fixes = [{"id": "A-1", "severity": "critical", "cves": ["CVE-2026-1234"]}]
        self.assertEqual(found.data["fixes"], fixes)

    def test_no_metadata_is_no_silent_pass(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.server.json("stage")
        words = "no advisory metadata was kept for this build"
        self.assertEqual(self.judge().findings, (Finding("advisory:no-metadata", "needs-approval", words),))
        self.assertEqual(self.judge(unreadable="warn").answer, "warn")
        self.compose()
        (finding,) = self.judge().findings
        self.assertEqual((finding.id, finding.answer), ("advisory:repository:f", "needs-approval"))
        self.assertEqual(finding.line, "no advisories of f: its metadata is not in the compose's cache")
        self.assertEqual(self.judge(unreadable="warn").answer, "warn")
        self.metadata("f-44-x86_64")
        self.compose()
        found = self.judge()
        words = "no advisories of f: it has no updateinfo"
        self.assertEqual((found.findings[0].line, found.answer), (words, "warn"))
        self.assertEqual(found.line, f"fixes no known advisory, lacks none that is known; {words}")
        self.metadata("f-44-x86_64", update("A-1", "Low", {"other": "1-1"}))
        self.compose()
        self.assertEqual(self.judge().findings, ())
        for content, words in (
            ({"repositories": [], "advisories": []}, "nothing says from which package repositories"),
            ([], "not what a compose wrote"),
        ):
            for path in (self.server.state / "advisories/dev").iterdir():
                path.write_text(json.dumps(content))
            found = self.judge()
            self.assertIn(words, found.findings[0].line)
            self.assertEqual(found.answer, "needs-approval")

    def test_an_image_without_a_fix_that_a_repository_on_this_machine_has(self) -> None:
        self.server.write_config(gates={"advisories": {}})
        self.local(update("A-1", "Critical", {"hello": "62.1-1"}))
        self.staged("44.1", hello="62.0-1")
        done = self.server.call("promote")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs approval: lacks A-1 (critical): hello 62.0-1 -> 62.1-1", done.stderr)
        self.staged("44.2", hello="62.1-1")
        self.assertEqual(self.server.json("promote")["release"]["version"], "44.2")

    def test_a_promotion_is_refused_by_name_and_goes_through_with_the_fix(self) -> None:
        self.server.write_config(gates={"advisories": {}})
        self.metadata("f-44-x86_64", update("A-1", "Critical", {"hello": "62.1-1"}))
        self.staged("44.1", hello="62.0-1")
        done = self.server.call("promote")
        self.assertEqual(done.returncode, 1)
        words = "gate advisories needs approval: lacks A-1 (critical): hello 62.0-1 -> 62.1-1"
        self.assertIn(words, done.stderr)
        self.assertEqual([ref for ref in self.server.refs() if "/candidate/" not in ref], [])
        self.server.build("44.2", {"hello": "62.1-1"})
        self.compose()
        self.assertEqual(self.server.json("promote")["release"]["version"], "44.2")


if __name__ == "__main__":
    unittest.main()
