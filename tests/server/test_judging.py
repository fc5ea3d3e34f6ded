"""Check, approval, override, hold and hotfix: what is let through, by whom, and what is not."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from ostree_release.journal import Journal
from tests.server.support import DEV, PILOT, STABLE, Document, ServerTest

# Stands in for the gate `diff`, whose own rules have their own tests: it finds what a file says.
GATE = """
import json, sys, types
from pathlib import Path
from ostree_release import answers
def judge(subject):
    says = json.loads(Path({says!r}).read_text())
    found = says.get(subject.ring.name, says.get("*", []))
    return answers.Outcome("diff", tuple(answers.Finding(*each) for each in found), "as the test says")
sys.modules["ostree_release.gates.diff"] = types.SimpleNamespace(judge=judge)
"""
REMOVED = ("removed:tool-5.0", "needs-approval", "removed tool 5.0")
BROKEN = ("broken:x", "fail", "x is broken")


def ring_moves(repository: Path) -> str:
    """Return Python after which the ring pilot moves to the candidate while the gate `diff` looks at it."""
    return f"""
import subprocess
def judge(subject):
    subprocess.run(["ostree", {f"--repo={repository}"!r}, "refs", "--force", {f"--create={PILOT}"!r},
                    subject.candidate.checksum], check=True)
    return answers.Outcome("diff", (), "fine")
sys.modules["ostree_release.gates.diff"].judge = judge
"""


class JudgingTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.says = self.server.top / "says.json"
        self.server.write_config(gates={"diff": {}})
        self.server.before = GATE.format(says=str(self.says))
        self.finds()
        self.server.build("44.1", {"hello": "1-1", "tool": "5.0-1"})

    def finds(self, *findings: tuple[str, str, str], **rings: list[tuple[str, str, str]]) -> None:
        """Let the gate find something, for every ring or for some."""
        self.says.write_text(json.dumps({"*": findings, **rings}), encoding="utf-8")

    def lines(self, *arguments: str, status: int = 1) -> list[str]:
        """Run a subcommand that must end with a status; returns what it said on stderr."""
        done = self.server.call(*arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr.splitlines()

    def events(self, name: str) -> list[Document]:
        return [entry for entry in self.server.journal() if entry["event"] == name]


class Gates(JudgingTest):
    def test_a_candidate_is_refused_approved_and_published(self) -> None:
        self.finds(REMOVED)
        lines = self.lines("promote")
        self.assertIn("gate diff needs approval: removed tool 5.0", lines[0])
        self.assertIn("tasks/approve.py -y --data version=44.1 --data reason=WHY", lines[1])
        self.assertNotIn(PILOT, self.server.refs())
        self.assertEqual(self.events("signed"), [], "a signature is what clients obey")
        seen = self.server.json("approve", "44.1", "--plan")
        self.assertEqual([each["id"] for each in seen["findings"]], [REMOVED[0]])
        self.server.json("approve", "44.1", "--reason", "not needed", "--expect", seen["digest"])
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")
        self.assertEqual(self.server.pull(PILOT), self.server.refs()[PILOT])
        self.assertEqual(self.server.json("promote")["outcome"], "unchanged")

    def test_each_step_alone_refuses(self) -> None:
        self.finds(REMOVED)
        staged = self.server.json("stage")["release"]["checksum"]
        self.assertIn("not checked for prod/pilot as it stands now", self.lines("sign")[0])
        self.assertEqual(self.server.call("check").returncode, 1)
        self.assertIn("needs approval", self.lines("sign")[0])
        self.server.sign(self.server.prod, staged, "prod")
        self.assertIn("needs approval", self.lines("publish")[0])
        self.assertNotIn(PILOT, self.server.refs())
        self.server.json("approve", "44.1", "--reason", "seen")
        self.server.json("publish")
        self.assertEqual(self.server.refs()[PILOT], staged)

    def test_a_later_ring_is_checked_again_against_its_own_tip(self) -> None:
        self.server.json("promote")
        self.server.json("promote", "--ring", "stable")
        self.server.build("44.2", {"hello": "2-1"})
        self.finds(stable=[REMOVED])
        self.server.json("promote")
        lines = self.lines("promote", "--ring", "stable")
        self.assertIn("--data ring=stable", lines[-1])
        known = self.server.json("promote", "--plan", "--ring", "stable")["gates"]["stable"]
        self.assertEqual(known["open"], ["gate diff needs approval: removed tool 5.0"])
        self.server.json("approve", "44.2", "--ring", "stable", "--reason", "seen")
        self.server.json("promote", "--ring", "stable")
        refs = self.server.refs()
        self.assertEqual(refs[STABLE], refs[PILOT])

    def test_staging_again_voids_checks_and_approvals(self) -> None:
        self.finds(REMOVED)
        self.server.json("stage")
        self.server.call("check")
        self.server.json("approve", "44.1", "--reason", "seen")
        self.server.build("44.2", {"hello": "2-1"})
        self.finds()
        self.server.json("promote")
        self.finds(REMOVED)
        self.server.json("stage", "--build", "44.1")
        self.assertIn("not checked", self.lines("sign", "--version", "44.1")[0])
        self.assertIn("needs approval", self.lines("promote", "--build", "44.1")[0])

    def test_an_approval_covers_what_was_seen_and_no_more(self) -> None:
        self.finds(REMOVED)
        self.lines("promote")
        seen = self.server.json("approve", "44.1", "--plan")
        self.server.json("approve", "44.1", "--reason", "seen", "--expect", seen["digest"])
        self.finds(REMOVED, ("removed:other-1", "needs-approval", "removed other 1"))
        self.assertEqual(self.server.call("check").returncode, 1)
        lines = self.lines("promote")
        self.assertIn("removed other 1", lines[0])
        self.assertNotIn("removed tool", " ".join(lines))
        refused = self.server.refused("approve", "44.1", "--reason", "blind", "--expect", seen["digest"])
        self.assertIn("found something else meanwhile", refused)

    def test_an_approval_ends(self) -> None:
        self.finds(REMOVED)
        self.lines("promote")
        self.server.json("approve", "44.1", "--reason", "seen")
        later = "from ostree_release import clock\nreal = clock.now\n"
        later += "clock.now = lambda: real() + 15 * 86400\n"
        before = self.server.before
        self.server.before = before + later
        self.assertIn("has ended", " ".join(self.lines("promote")))
        self.server.before = before
        self.server.json("promote")

    def test_somebody_else_must_approve(self) -> None:
        self.server.write_config(gates={"diff": {}}, approval={"by_another": True})
        self.finds(REMOVED)
        self.lines("promote")
        build = self.server.refs(self.server.dev)[DEV]
        self.server.note(
            {"event": "done", "action": "compose", "actor": "alice", "environment": "dev",
             "moves": [{"ref": DEV, "from": None, "to": build}]}
        )  # fmt: skip
        self.server.before += "from ostree_release.access import actor\n"
        plain = self.server.before
        self.server.before = plain + "actor.current = lambda *a: 'alice'\n"
        self.server.json("approve", "44.1", "--reason", "mine")
        self.assertIn("alice composed this build", " ".join(self.lines("promote")))
        self.server.before = plain + "actor.current = lambda *a: 'bob'\n"
        self.server.json("approve", "44.1", "--reason", "seen")
        self.server.json("promote")

    def test_a_failure_needs_an_override_that_stays_visible(self) -> None:
        self.finds(BROKEN)
        lines = self.lines("promote")
        self.assertIn("gate diff fails: x is broken", lines[0])
        self.assertIn("--data override=diff", lines[1])
        done = self.server.call("approve", "44.1", "--reason", "only seen")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Still not let through: gate diff fails: x is broken", done.stdout)
        self.lines("promote")
        self.assertIn(
            "does not fail", self.server.refused("approve", "44.1", "--override", "soak", "--reason", "x")
        )
        self.server.json("approve", "44.1", "--override", "diff", "--reason", "bold")
        self.server.json("promote")
        ring = self.server.json("status")["environments"]["prod"]["rings"][0]
        self.assertEqual(
            [(each["gates"], each["reason"]) for each in ring["overrides"]], [(["diff"], "bold")]
        )
        self.assertIn("OVERRIDE", self.server.call("status").stdout)

    def test_a_gate_that_raises_lets_nothing_through(self) -> None:
        self.server.before += "sys.modules['ostree_release.gates.diff'].judge = lambda subject: 1 / 0\n"
        self.assertIn("gate diff fails: internal error: ZeroDivisionError", self.lines("promote")[0])

    def test_other_thresholds_need_another_check(self) -> None:
        self.server.json("stage")
        self.server.json("check")
        self.server.write_config(gates={"diff": {"removed": "pass"}})
        self.assertIn("not checked", self.lines("sign")[0])

    def test_nothing_new_leaves_no_entry(self) -> None:
        self.finds(REMOVED)
        self.lines("promote")
        count = len(self.server.journal())
        self.lines("promote")
        self.assertEqual(len(self.server.journal()), count)

    def test_the_result_is_kept_for_a_machine(self) -> None:
        self.server.json("stage")
        checked = self.server.json("check")
        kept = list((self.server.state / "checks/prod").glob("*.pilot.json"))
        self.assertEqual([path.name.partition(".")[0] for path in kept], [checked["release"]["checksum"]])
        self.assertEqual(json.loads(kept[0].read_text())["results"][0]["gate"], "diff")

    def test_while_the_gates_run_others_may_write_but_not_check(self) -> None:
        self.server.json("stage")
        other = self.server.command("check"), self.server.command("stage")
        self.server.before += (
            "import subprocess\n"
            "def judge(subject):\n"
            f"    for command in {other!r}:\n"
            "        done = subprocess.run(command, capture_output=True, text=True)\n"
            "        print(done.returncode, done.stderr, flush=True)\n"
            "    return answers.Outcome('diff', (), 'fine')\n"
            "sys.modules['ostree_release.gates.diff'].judge = judge\n"
        )
        done = self.server.call("check")
        self.assertIn("75 ostree-release: prod is being checked by", done.stdout)
        self.assertIn("\n0 ", done.stdout)

    def test_the_ring_moved_while_the_gates_ran(self) -> None:
        self.server.json("stage")
        self.server.before += ring_moves(self.server.prod)
        refused = self.server.refused("check", status=75)
        self.assertIn("44.1: prod/pilot or its gates changed while the gates ran", refused)

    def test_another_release_was_published_while_the_gates_ran(self) -> None:
        for step in ("stage", "check", "sign"):
            self.server.json(step)
        self.server.build("44.2", {"hello": "2-1"})
        other = self.server.command("publish", "--version", "44.1")
        self.server.before += (
            "import subprocess\n"
            "def judge(subject):\n"
            f"    subprocess.run({other!r}, check=True)\n"
            "    return answers.Outcome('diff', (), 'fine')\n"
            "sys.modules['ostree_release.gates.diff'].judge = judge\n"
        )
        self.assertIn("while the gates ran", self.lines("promote", status=75)[0])


class Hotfix(JudgingTest):
    def test_one_release_through_every_ring(self) -> None:
        self.finds(pilot=[REMOVED], stable=[REMOVED, ("soak:x", "needs-approval", "too young")])
        for reason in ([], ["--reason", ""], ["--reason", "  "]):
            self.assertIn("reason", self.server.refused("promote", "--through", "stable", *reason))
        lines = self.lines("promote", "--through", "stable", "--reason", "CVE")
        self.assertIn("prod/pilot: gate diff needs approval: removed tool 5.0", lines[0])
        self.assertIn("prod/stable: gate diff needs approval: too young", lines[2])
        self.assertIn("--data through=stable", lines[-1])
        self.assertNotIn(PILOT, self.server.refs())
        self.server.json("approve", "44.1", "--through", "stable", "--reason", "CVE")
        done = self.server.json("promote", "--through", "stable", "--reason", "CVE")
        refs = self.server.refs()
        self.assertEqual(refs[PILOT], refs[STABLE])
        self.assertEqual(refs[PILOT], done["release"]["checksum"])
        self.assertEqual([move["ref"] for move in done["moves"]][1:], [PILOT, STABLE])
        self.assertEqual(len([ref for ref in refs if "/releases/" in ref]), 1)
        said = [(e["reason"], e["through"]) for e in self.events("intent") if e["action"] == "promote"]
        self.assertEqual(said, [("CVE", "stable")] * 2)

    def test_one_that_the_first_ring_has_already(self) -> None:
        self.server.json("promote")
        self.finds(stable=[REMOVED])
        hotfix = ("--through", "stable", "--reason", "CVE")
        lines = self.lines("promote", *hotfix)
        self.assertIn("removed tool 5.0", lines[0])
        self.server.json("approve", "44.1", "--through", "stable", "--reason", "CVE")
        done = self.server.json("promote", *hotfix)
        self.assertEqual([move["ref"] for move in done["moves"]], [STABLE])

    def test_the_plan_names_every_ring(self) -> None:
        plan = self.server.json("promote", "--plan", "--through", "stable", "--reason", "CVE")
        self.assertEqual([move["ref"] for move in plan["moves"]][1:], [PILOT, STABLE])
        self.assertEqual(self.server.refs(), {})


class Tampered(JudgingTest):
    def test_entries_that_somebody_changed_neither_count_nor_stop_the_program(self) -> None:
        journal = Journal(self.server.state / "journal.jsonl", self.server.run)
        for event in ("checked", "approved", "released-hold"):
            journal.append({"event": event, "actor": "eve"})
        journal.append({"event": "done", "action": "compose", "environment": "dev"})
        self.finds(REMOVED)
        self.assertIn("needs approval", self.lines("promote")[0])
        self.finds()
        self.server.json("check")
        self.server.json("promote")
        journal.append({"event": "held", "actor": "eve", "value": 7})
        self.server.build("44.2", {"hello": "2-1"})
        (line,) = self.lines("promote")
        self.assertRegex(
            line, r"44\.2 is held \(unreadable journal entry \w+\): not an entry of this program: see"
        )
        self.assertIn("HELD unreadable", self.server.call("status").stdout)


class Holds(JudgingTest):
    def test_what_is_held_is_not_staged_signed_or_moved(self) -> None:
        self.server.json("promote")
        self.server.json("hold", "44.1", "--reason", "crashes")
        refused = self.server.refused("promote", "--ring", "stable")
        self.assertIn("44.1 is held (build 44.1", refused)
        self.assertIn("crashes; by", refused)
        self.assertNotIn(STABLE, self.server.refs())
        self.assertEqual(self.server.json("status")["holds"][0]["reason"], "crashes")
        self.assertIn("crashes", self.server.call("status").stdout)
        self.assertIn("--reason is needed", self.server.refused("hold", "44.1", "--release"))
        self.server.json("hold", "44.1", "--release", "--reason", "it was the cable")
        self.server.json("promote", "--ring", "stable")
        self.assertIn("is not held", self.server.refused("hold", "44.1", "--release", "--reason", "x"))

    def test_before_anything_is_published_and_by_every_name(self) -> None:
        content = self.server.json("builds")["builds"][0]["checksum"]
        for kind in (
            ["44.1"],
            [content],
            ["--package", "tool-5.0-1"],
            ["--package", "tool-5.0-1.x86_64"],
            ["--inputhash", sha256(b"inputs of 44.1").hexdigest()],
        ):
            with self.subTest(kind):
                self.server.json("hold", *kind, "--reason", "bad")
                self.assertIn("bad", self.server.refused("stage"))
                self.assertEqual(self.server.refs(), {})
                self.server.json("hold", *kind, "--release", "--reason", "good")
        self.server.json("stage")
        self.server.json("hold", "--package", "tool-5.0-1", "--reason", "bad")
        self.assertIn("is held (package tool-5.0-1)", self.server.refused("sign"))

    def test_the_next_build_with_the_same_package_is_held_too(self) -> None:
        self.server.json("hold", "--package", "tool-5.0-1", "--reason", "bad")
        self.server.build("44.2", {"hello": "2-1", "tool": "5.0-1"})
        self.assertIn("is held", self.server.refused("promote"))
        self.server.build("44.3", {"hello": "2-1", "tool": "5.0-2"})
        self.server.json("promote")

    def test_what_nothing_here_has_yet_is_held_and_said(self) -> None:
        for package in ("tool-5.0-2", "tool-1:5.0-1", "tool-1:5.0-1.x86_64"):
            said = self.server.call("hold", "--package", package, "--reason", "bad").stdout
            self.assertIn(f"Held: package {package} (nothing here has it yet)\n", said)
        said = self.server.call("hold", "--package", "tool-5.0-1.x86_64", "--reason", "bad").stdout
        self.assertIn("Held: package tool-5.0-1.x86_64\n", said)
        self.assertEqual(len(self.server.json("hold")["holds"]), 4)

    def test_a_hold_of_before_that_would_be_refused_now_can_be_released(self) -> None:
        self.server.note(
            {"event": "held", "action": "hold", "actor": "a", "kind": "package", "value": "tool",
             "label": "tool", "reason": "bad"}
        )  # fmt: skip
        self.server.json("hold", "--package", "tool", "--release", "--reason", "a typing error")
        self.assertEqual(self.server.json("hold")["holds"], [])

    def test_twice_and_unknown(self) -> None:
        self.server.json("hold", "44.1", "--reason", "bad")
        self.assertEqual(self.server.json("hold", "44.1", "--reason", "bad")["outcome"], "unchanged")
        self.assertEqual(len(self.server.json("hold")["holds"]), 1)
        self.assertIn(
            "dev, prod has no such build, candidate, release",
            self.server.refused("hold", "45.9", "--reason", "x"),
        )
        for kind, wrong, words in (
            ("--package", "a b", "NAME-VERSION-RELEASE"),
            ("--package", "kernel", "NAME-VERSION-RELEASE"),
            ("--package", "kernel-6.14", "NAME-VERSION-RELEASE"),
            ("--package", "tool-x:5.0-1", "NAME-VERSION-RELEASE"),
            ("--content", "F" * 64, "64 hexadecimal digits"),
            ("--content", "f" * 12, "64 hexadecimal digits"),
            ("--inputhash", "inputs", "hexadecimal digits"),
        ):
            with self.subTest(wrong):
                self.assertIn(words, self.server.refused("hold", kind, wrong, "--reason", "x"))
        self.assertEqual(len(self.server.json("hold")["holds"]), 1, "nothing was held")
        self.assertIn("say what", self.server.refused("hold", "--release", "--reason", "x"))
