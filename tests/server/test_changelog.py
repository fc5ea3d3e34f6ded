"""The changelog: what is said of releases, rings, reasons, advisories, approvals and holds, in every form."""

from __future__ import annotations

import json
import unittest
from typing import Any

from tests.server.support import Document, ServerTest


class Changelog(ServerTest):
    def record(self, **entry: Any) -> None:
        """Append to the journal what another part of the program would."""
        self.server.note({"actor": "bob", "environment": "prod", **entry})

    def releases(self, *arguments: str) -> list[Document]:
        found: list[Document] = self.server.json("changelog", *arguments)["releases"]
        return found

    def test_two_releases_and_two_rings(self) -> None:
        self.promote_new("44.1", hello="1.0-1", old="1-1")
        self.server.build("44.2", {"hello": "2.0-1", "new": "1-1"})
        self.server.json("promote", "--reason", "the <fast> one")
        self.server.json("promote", "--ring", "stable")
        newest, first = self.releases()
        self.assertEqual((newest["version"], newest["previous"]), ("44.2", "44.1"))
        self.assertEqual((first["version"], first["previous"]), ("44.1", None))
        packages = newest["packages"]
        self.assertEqual(packages["upgraded"], [{"name": "hello", "old": "1.0-1", "new": "2.0-1"}])
        self.assertEqual([each["name"] for each in packages["added"] + packages["removed"]], ["new", "old"])
        rings = [(each["ring"], each["reason"]) for each in newest["rings"]]
        self.assertEqual(rings, [("pilot", "the <fast> one"), ("stable", None)])
        self.assertEqual([each["ring"] for each in first["rings"]], ["pilot"])
        done = [entry for entry in self.server.journal() if entry["event"] == "done"]
        self.assertEqual(newest["rings"][1]["time"], done[-1]["time"])
        self.assertEqual(newest["rings"][1]["actor"], done[-1]["actor"])

        (only,) = self.releases("--ring", "stable")
        self.assertEqual((only["version"], only["previous"]), ("44.2", None))
        self.assertEqual([each["version"] for each in self.releases("44.1")], ["44.1"])
        self.assertIn("prod has no such candidate, release", self.server.refused("changelog", "44.9"))
        self.assertIn(
            "prod/stable has no such release", self.server.refused("changelog", "44.1", "--ring=stable")
        )
        self.assertIn("no such ring", self.server.refused("changelog", "--ring", "beta"))
        self.assertIn("dev is composed", self.server.refused("changelog", "--to", "dev"))

        text = self.server.call("changelog").stdout
        self.assertIn("upgraded hello 1.0-1 -> 2.0-1", text)
        self.assertIn(": the <fast> one", text)
        shown = self.server.call("changelog", "--format", "markdown").stdout
        self.assertTrue(shown.startswith("# Changelog of prod\n\n## 44.2\n"), shown)
        self.assertIn(r": the \<fast\> one", shown)
        document = json.loads(self.server.call("changelog", "--format", "json").stdout)
        self.assertEqual(document, self.server.json("changelog"))

    def test_advisories_gates_approvals_and_holds(self) -> None:
        self.promote_new("44.1", hello="62.0-1")
        build = self.server.build("44.2", {"hello": "62.1-1"})
        place = self.server.state / "advisories/dev"
        place.mkdir(parents=True, exist_ok=True)
        fix = {"id": "A-1", "severity": "critical", "title": "bad", "issued": "today", "cves": ["CVE-2026-1"]}
        kept = {
            "repositories": [],
            "advisories": [{**fix, "packages": [["hello", "0", "62.1", "1", "x86_64"]]}],
        }
        (place / f"{build}.json").write_text(json.dumps(kept))
        checksum = self.server.json("promote")["release"]["checksum"]
        about = {"checksum": checksum, "version": "44.2", "ring": "pilot"}
        result = {"gate": "diff", "answer": "needs-approval", "line": "removed tool", "findings": []}
        self.record(event="checked", results=[{**result, "line": "an older one"}], **about)
        self.record(event="checked", results=[result], **about)
        del about["ring"]
        self.record(
            event="approved",
            rings=["pilot"],
            until=1,
            findings=["removed:tool"],
            overrides=["soak"],
            reason="seen",
            **about,
        )
        for package, reason in (("hello-62.1-1", "breaks"), ("hello-62.0-1", "another"), ("hello-9-1", "no")):
            self.server.json("hold", "--package", package, "--reason", reason)
        self.server.json("hold", "--release", "--package", "hello-62.1-1", "--reason", "works")
        newest, first = self.releases()
        self.assertEqual(newest["advisories"], [fix])
        self.assertIsNone(first["advisories"])
        self.assertEqual([gate["line"] for gate in newest["gates"]], ["removed tool"])
        (approval,) = newest["approvals"]
        self.assertEqual(
            (approval["actor"], approval["overrides"], approval["reason"]), ("bob", ["soak"], "seen")
        )
        (ended,), (live,) = newest["holds"], first["holds"]
        self.assertEqual((ended["label"], ended["reason"]), ("hello-62.1-1", "breaks"))
        self.assertEqual(ended["released"]["reason"], "works")
        self.assertEqual((live["label"], live["released"]), ("hello-62.0-1", None))
        text = self.server.call("changelog").stdout
        for words in (
            "fixes A-1 (critical, CVE-2026-1): bad",
            "OVERRIDES soak",
            "HELD (package hello-62.0-1)",
        ):
            self.assertIn(words, text)

    def test_nothing_yet(self) -> None:
        self.assertEqual(self.releases(), [])
        self.assertEqual(self.server.call("changelog").stdout, "prod has no release yet\n")


if __name__ == "__main__":
    unittest.main()
