"""The one look-up: what somebody may type for an image, and which candidate is due; and one run of one."""

from __future__ import annotations

from ostree_release.journal import Journal
from tests.server.support import DEV, PILOT, ServerTest, run


class Find(ServerTest):
    def test_whatever_status_prints_is_found_everywhere(self) -> None:
        promoted = self.promote_new("44.1")
        release, build = promoted["release"]["checksum"], promoted["build"]["checksum"]
        self.promote_new("44.2", hello="2-1")
        self.server.json("promote", "--ring", "stable")
        in_prod = ("44.1", "prod/44.1", "prod:44.1", release, release[:12], f"prod/{release[:8]}")
        for typed in in_prod:
            with self.subTest(typed):
                self.assertEqual(self.server.json("diff", typed, "prod/stable")["from"]["version"], "44.1")
                self.assertEqual(self.server.json("sbom", typed)["name"], "kinoite-44.1")
                (row,) = self.server.json("changelog", typed)["releases"]
                self.assertEqual(row["checksum"], release)
                held = self.server.json("hold", typed, "--reason", "x")
                self.assertEqual(held["holds"][0]["value"], build)
                self.server.json("hold", typed, "--release", "--reason", "x")
        for typed in ("pilot", "prod/pilot", "stable", "44.2", "dev", "dev/44.2"):
            with self.subTest(typed):
                self.assertEqual(self.server.json("diff", typed, "44.1")["from"]["version"], "44.2")

    def test_a_build_goes_by_every_name_too(self) -> None:
        first = self.server.build("44.1", {"hello": "1-1"})
        self.server.build("44.2", {"hello": "2-1"})
        for typed in ("44.1", "dev/44.1", "dev:44.1", first, first[:10].upper()):
            with self.subTest(typed):
                plan = self.server.json("promote", "--plan", "--build", typed)
                self.assertEqual(plan["build"]["checksum"], first)
        self.assertEqual(self.server.json("promote", "--plan", "--build", "dev")["build"]["version"], "44.2")

    def test_what_is_not_there_says_what_is(self) -> None:
        self.promote_new("44.1")
        for arguments, line in (
            (("promote", "--build", "44.9"), "'44.9': dev has no such build; its newest are 44.1"),
            (("check", "44.9"), "'44.9': prod has no such candidate, release or ring; its newest are 44.1"),
            (("approve", "44.9", "--plan"), "prod has no such candidate, release or ring"),
            (("sign", "--version", "44.9"), "prod has no such candidate, release or ring"),
            (("publish", "--version", "44.9"), "prod has no such candidate, release or ring"),
            (("changelog", "44.9"), "prod has no such candidate, release or ring"),
            (("diff", "44.9", "44.1"), "'44.9': dev, prod has no such build, candidate, release or ring"),
            (("diff", "qa/44.1", "44.1"), "environment 'qa': not on this server, which has dev, prod"),
            (("promote", "--build", "prod/44.1"), "'prod/44.1': prod is not dev"),
            (("check", "dev/44.1"), "'dev/44.1': dev is not prod"),
        ):
            with self.subTest(arguments):
                self.assertIn(line, self.server.refused(*arguments))

    def test_several_candidates_are_named_and_none_is_taken(self) -> None:
        builds = [self.server.build(f"44.{number}", {"hello": f"{number}-1"}) for number in range(1, 6)]
        for build in (builds[2], builds[4], builds[0], builds[3]):
            self.server.json("stage", "--build", build)
        staged = [
            each["version"] for each in self.server.json("status")["environments"]["prod"]["candidates"]
        ]
        self.assertEqual(staged, ["44.1", "44.3", "44.4", "44.5"], "in the order of their builds")
        for arguments in (("check",), ("sign",), ("sign", "--request"), ("publish",)):
            with self.subTest(arguments):
                line = self.server.refused(*arguments)
                self.assertIn("prod has 4 candidates: say which one of 44.1, 44.3, 44.4, 44.5", line)
        self.server.json("check", "44.3")
        self.server.json("sign", "--version", "44.3")
        self.server.json("publish", "--version", "44.3")
        pilot = self.server.json("status")["environments"]["prod"]["rings"][0]
        self.assertEqual(pilot["release"]["version"], "44.3")

    def test_what_is_neither_candidate_nor_release_is_not_let_through_or_signed(self) -> None:
        promoted = self.promote_new("44.1")["release"]["checksum"]
        tree = f"--tree=ref={promoted}"
        made = ("ostree", f"--repo={self.server.prod}", "commit", "--branch=other/ref", tree)
        foreign = run(*made, "--add-metadata-string=version=9.9").stdout.strip()
        for arguments in (
            ("check", foreign),
            ("approve", foreign, "--plan"),
            ("sign", "--version", foreign),
            ("sign", "--request", "--version", foreign),
            ("publish", "--version", foreign),
        ):
            with self.subTest(arguments):
                line = self.server.refused(*arguments)
                self.assertIn("is neither a candidate nor a release of prod", line)
        for typed in (promoted, "44.1", "pilot"):
            with self.subTest(typed):
                line = self.server.refused("sign", "--version", typed)
                self.assertIn("44.1: is released, and no candidate of prod any more", line)

    def test_a_release_whose_ref_is_missing_is_found_by_its_version(self) -> None:
        self.promote_new("44.1")
        ref = PILOT.replace("pilot", "releases/44.1")
        run("ostree", f"--repo={self.server.prod}", "refs", "--delete", ref)
        self.assertEqual(self.server.json("changelog", "44.1")["releases"][0]["version"], "44.1")

    def test_a_ring_never_moves_back_by_a_name(self) -> None:
        self.promote_new("44.1")
        self.promote_new("44.2", hello="2-1")
        line = self.server.refused("publish", "--version", "44.1")
        self.assertIn("44.1: pilot has passed it, and no ring moves back", line)


class OneRun(ServerTest):
    def test_a_compose_that_ends_while_gates_run_changes_nothing_of_it(self) -> None:
        first = self.server.build("44.1", {"hello": "1-1"})
        second = self.server.build("44.2", {"hello": "2-1"})
        run("ostree", f"--repo={self.server.dev}", "refs", "--force", f"--create={DEV}", first)
        newer = f"""
import subprocess, sys, types
from ostree_release import answers
def judge(subject):
    subprocess.run(["ostree", {f"--repo={self.server.dev}"!r}, "refs", "--force",
                    {f"--create={DEV}"!r}, {second!r}], check=True)
    return answers.Outcome("diff", (), "fine")
sys.modules["ostree_release.gates.diff"] = types.SimpleNamespace(judge=judge)
"""
        self.server.write_config(gates={"diff": {}})
        self.server.before = newer
        done = self.server.json("promote")
        self.assertEqual((done["outcome"], done["build"]["checksum"]), ("promoted", first))

    def test_a_hold_that_comes_between_the_look_and_the_signature_counts(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        candidate = self.server.json("stage")["release"]
        self.server.json("check")
        entry = {
            "event": "held",
            "action": "hold",
            "actor": "anna",
            "kind": "build",
            "label": "44.1",
            "value": candidate["checksum"],
            "reason": "broken",
        }
        self.server.before = f"""
from ostree_release.releasing import sign
real = sign.require_admitted
def require_admitted(context, *arguments):
    context.journal.append({entry!r})
    real(context, *arguments)
sign.require_admitted = require_admitted
"""
        for command in ("sign", "promote"):
            with self.subTest(command):
                done = self.server.call(command)
                self.assertEqual(done.returncode, 1)
                self.assertIn("44.1 is held", done.stderr)
        events = [entry["event"] for entry in self.server.journal()]
        self.assertNotIn("signed", events)

    def test_what_is_refused_leaves_no_bill_of_materials(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        for step in (("stage",), ("check",), ("sign",), ("hold", "44.1", "--reason", "broken")):
            self.server.json(*step)
        self.assertIn("44.1 is held", self.server.refused("publish"))
        self.assertEqual(list(self.server.state.rglob("*.spdx.json")), [])

    def test_the_journal_is_read_once_and_then_what_is_new(self) -> None:
        self.promote_new("44.1")
        journal = Journal(self.server.state / "journal.jsonl", self.server.run)
        for number in range(500):
            journal.append({"event": "reported", "number": number, "words": "x" * 100})
        self.server.build("44.2", {"hello": "2-1"})
        self.server.write_config(gates={"soak": {"hours": 0, "clients": 0}, "complete": {}})
        size = (self.server.state / "journal.jsonl").stat().st_size
        said = self.server.top / "reads"
        self.server.before = f"""
from ostree_release import journal
everything = journal._everything
def note(data):
    with open({str(said)!r}, "a") as file:
        file.write(f"{{len(data)}}\\n")
    return data
journal._everything = lambda *arguments: note(everything(*arguments))
"""
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")
        whole = [length for length in map(int, said.read_text().split()) if length >= size]
        # By the first step, and for the hash of the whole of it that is signed.
        self.assertIn(len(whole), (1, 2))
        self.assertLess(sum(map(int, said.read_text().split())), 3 * size)
