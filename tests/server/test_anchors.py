"""The journal's head is signed after each publish and move, whatever stops the program in between."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import unittest
from pathlib import Path

from tests.server.support import PILOT, Document, ServerTest, run
from tests.server.test_interrupted import KILL


class Anchors(ServerTest):
    def lines(self) -> list[bytes]:
        file = self.server.state / "anchors/prod.jsonl"
        return file.read_bytes().splitlines() if file.exists() else []

    def documents(self) -> list[Document]:
        return [json.loads(json.loads(line)["document"]) for line in self.lines()]

    def test_each_names_the_head_and_gpg_finds_its_signature_good(self) -> None:
        self.promote_new("44.1")
        self.server.json("promote", "--ring", "stable")
        first, second = self.documents()
        journal = (self.server.state / "journal.jsonl").read_bytes()
        for document in (first, second):
            covered = journal.splitlines()[: document["lines"]]
            self.assertEqual(len(b"\n".join(covered)) + 1, document["bytes"])
            self.assertEqual(hashlib.sha256(covered[-1]).hexdigest(), document["head"])
        self.assertEqual(second["previous"], hashlib.sha256(self.lines()[0]).hexdigest())
        self.assertEqual((first["number"], second["number"]), (1, 2))
        self.assertEqual(json.loads(journal.splitlines()[first["lines"] - 1])["moves"][0]["ref"], PILOT)
        outer = json.loads(self.lines()[1])
        signed, signature = self.server.top / "document", self.server.top / "signature"
        signed.write_text(outer["document"])
        signature.write_bytes(base64.b64decode(outer["signature"]))
        home = self.server.top / "gnupg"
        home.mkdir(mode=0o700)
        gpg = ("gpg", "--homedir", home, "--batch")
        run(*gpg, "--import", self.server.top / "base/keys/prod.gpg")
        self.assertIn("Good signature", run(*gpg, "--verify", signature, signed).stderr)
        run("gpgconf", "--homedir", home, "--kill", "gpg-agent")

    def test_nothing_new_is_not_signed_again(self) -> None:
        self.promote_new("44.1")
        before = self.lines(), self.server.journal()
        self.assertEqual(self.server.json("promote")["outcome"], "unchanged")
        self.assertEqual((self.lines(), self.server.journal()), before)

    def test_what_an_interruption_left_is_signed_by_the_next_run(self) -> None:
        self.promote_new("44.1")
        # A promotion asks twice whether something is left to be anchored, before it does so for its own move.
        for number, (name, nth) in enumerate([("anchor", 3), ("_append", 1), ("_record", 1)]):
            with self.subTest(name):
                self.server.build(f"45.{number}", {"hello": f"2.{number}-1"})
                anchors = len(self.lines())
                hook = KILL.format(module="anchors", owner="", name=name, nth=nth, before=True)
                self.assertEqual(self.server.call("promote", before=hook).returncode, -signal.SIGKILL)
                made = name == "_record"
                self.assertEqual(len(self.lines()), anchors + made)
                plan = self.server.json("promote", "--plan")
                done = self.server.json("promote")
                words = [] if made else ["journal's head was not signed"]
                self.assertEqual((plan["repairs"], done["repaired"]), (words, words))
                self.assertEqual(len(self.lines()), anchors + 1)
                self.assertEqual(self.server.json("promote")["outcome"], "unchanged")

    def test_a_failure_loses_no_publish(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        hook = (
            "from ostree_release.errors import Refused\nfrom ostree_release import anchors\n"
            "def fail(*arguments):\n    raise Refused('the card is out')\nanchors.gpg.sign = fail"
        )
        done = self.server.call("promote", before=hook)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Warning: the journal's head is not signed yet (the card is out)", done.stdout)
        self.assertEqual(self.server.pull(PILOT), self.server.refs()[PILOT])
        self.assertEqual(self.server.json("promote")["repaired"], ["journal's head was not signed"])
        self.assertEqual(len(self.lines()), 1)

    def test_a_torn_line_is_ended_and_kept(self) -> None:
        self.promote_new("44.1")
        file: Path = self.server.state / "anchors/prod.jsonl"
        with file.open("ab") as stream:
            stream.write(b'{"document": "{')
        self.promote_new("44.2")
        self.assertEqual(len(self.lines()), 3)
        first, last = (json.loads(json.loads(self.lines()[index])["document"]) for index in (0, 2))
        self.assertEqual((first["number"], last["number"]), (1, 2))
        self.assertEqual(last["previous"], hashlib.sha256(self.lines()[0]).hexdigest())


if __name__ == "__main__":
    unittest.main()
