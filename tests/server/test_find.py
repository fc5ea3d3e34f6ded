"""The one look-up: what somebody may type for an image, and which candidate is due; and one run of one."""

from __future__ import annotations

from tests.server.support import DEV, ServerTest, run


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

    def test_the_journal_is_read_at_most_six_times(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"hello": "2-1"})
        self.server.write_config(gates={"soak": {"hours": 0, "clients": 0}, "complete": {}})
        times = self.server.top / "times"
        counting = f"""
from ostree_release.journal import Journal
real = Journal.content
def content(self):
    with open({str(times)!r}, "a") as file:
        file.write("x")
    return real(self)
Journal.content = content
"""
        self.server.before = counting
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")
        self.assertIn(len(times.read_text()), range(1, 7))
