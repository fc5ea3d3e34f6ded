"""Promotion by itself over two simulated weeks, and what stops it at once."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from tests.server.support import DEV, PILOT, STABLE, Document, ServerTest
from tests.server.test_judging import ring_moves
from tests.server.test_soak import COMPOSED, HOUR, at, report

MONDAY = int(datetime(2026, 11, 30, tzinfo=timezone.utc).timestamp())

# Stands in for the gate `diff`: it finds what a file says of a version.
GATE = """
import json, sys, types
from ostree_release import answers
def judge(subject):
    found = json.loads(Path({says!r}).read_text()).get(subject.candidate.version, [])
    return answers.Outcome("diff", tuple(answers.Finding(*each) for each in found), "as the test says")
sys.modules["ostree_release.gates.diff"] = types.SimpleNamespace(judge=judge)
"""


class Automatic(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.says = self.server.top / "says.json"
        self.finds()
        self.configure()
        self.now = MONDAY

    def configure(self, *freeze: str, clients: int = 0, ring_hours: int = 24) -> None:
        soak = {"hours": 24, "clients": clients, "ring_hours": ring_hours}
        self.server.write_config(gates={"diff": {}, "soak": soak}, freeze=freeze)

    def finds(self, **versions: list[list[str]]) -> None:
        """Let the gate find something about some versions."""
        self.says.write_text(json.dumps({each.replace("_", "."): said for each, said in versions.items()}))

    def at(self, day: int, hour: int) -> None:
        """Set the clock: days and hours after the simulation's first Monday."""
        self.now = MONDAY + 24 * HOUR * day + HOUR * hour
        self.server.before = at(self.now) + GATE.format(says=str(self.says))

    def compose(self, version: str, day: int, hour: int = 2) -> str:
        self.at(day, hour)
        checksum = self.server.build(version, {"hello": f"{version}-1"})
        place = {"state": str(self.server.state), "run": str(self.server.run)}
        done = self.server.call("config", before=COMPOSED.format(**place, ref=DEV, checksum=checksum))
        self.assertEqual(done.returncode, 0, done.stderr)
        return checksum

    def auto(self, day: int, hour: int) -> Document:
        self.at(day, hour)
        return self.server.json("auto")

    def waits(self, day: int, hour: int, *words: str, writes: bool = False) -> Document:
        """Run it; it must wait for something, and leave the journal as it is unless it stages and checks."""
        before = len(self.server.journal())
        said = self.auto(day, hour)
        self.assertEqual(said["outcome"], "waiting", said)
        for word in words:
            self.assertIn(word, said["line"])
        self.assertEqual(len(self.server.journal()) > before, writes, self.server.journal()[before:])
        return said

    def moves(self, day: int, hour: int, ring: str, version: str) -> Document:
        said = self.auto(day, hour)
        self.assertEqual(said["outcome"], "promoted", said)
        self.assertEqual((said["ring"], said["release"]["version"]), (ring, version))
        return said

    def rests(self, day: int, hour: int) -> None:
        before = self.server.journal()
        self.assertEqual(self.auto(day, hour)["outcome"], "nothing")
        self.assertEqual(self.server.journal(), before)


class TwoWeeks(Automatic):
    def test_two_weeks(self) -> None:
        self.configure("friday", "2026-12-08/2026-12-09")
        self.finds(
            **{
                "44_4": [["removed:tool", "needs-approval", "removed tool"]],
                "44_6": [["broken", "fail", "x is broken"]],
            }
        )
        self.rests(0, 1)
        self.compose("44.1", 0)
        self.waits(
            0, 6, "prod/pilot waits with 44.1: in dev for 4 h, 24 h are due (until 2026-12-01 02:00 UTC)"
        )
        self.compose("44.2", 1)
        first = self.moves(1, 6, "pilot", "44.1")
        self.assertEqual([each["version"] for each in first["passed"]], ["44.2"], "too young")
        self.waits(1, 18, "prod/stable waits with 44.1", "in pilot for 12 h, 24 h are due", writes=True)
        self.waits(1, 23, "in pilot for 17 h")
        self.compose("44.3", 2)
        self.moves(2, 6, "stable", "44.1")
        self.moves(2, 18, "pilot", "44.2")  # one that is old enough, though a newer one is there
        self.waits(3, 6, "prod/stable waits with 44.2", writes=True)
        self.moves(3, 18, "stable", "44.2")
        self.waits(4, 6, "frozen (friday) until 2026-12-05")
        self.moves(5, 6, "pilot", "44.3")
        self.at(5, 12)
        self.server.json("hold", "44.3", "--reason", "pilots cannot print")
        self.rests(6, 18)  # long enough in pilot, but never past a hold
        self.compose("44.4", 6, 20)
        self.waits(7, 18, "prod/pilot waits with 44.4: in dev for 22 h")
        asked = self.waits(7, 21, "removed tool", "tasks/approve.py -y --data version=44.4", writes=True)
        self.assertEqual(asked["passed"][0]["why"], "approval")
        self.waits(7, 22, "removed tool")  # asked once: no gate runs again
        self.server.json("approve", "44.4", "--reason", "nobody needs it")
        self.waits(8, 6, "frozen (2026-12-08/2026-12-09) until 2026-12-10")
        self.compose("44.5", 9, 20)
        self.compose("44.6", 10)
        self.moves(10, 6, "pilot", "44.4")
        stable = self.waits(12, 6, "prod/stable waits with 44.4", "approve.py", "ring=stable", writes=True)
        self.assertEqual(len(stable["passed"]), 1, "one in flight: 44.5 does not get in")
        self.server.json("approve", "44.4", "--ring", "stable", "--reason", "nobody missed it")
        self.moves(12, 7, "stable", "44.4")
        sixth = self.moves(12, 18, "pilot", "44.5")
        self.assertEqual([(each["version"], each["why"]) for each in sixth["passed"]], [("44.6", "fails")])
        self.moves(13, 18, "stable", "44.5")
        self.waits(13, 19, "44.6", "gate diff fails: x is broken", "override=diff", writes=True)
        self.waits(13, 20, "x is broken")
        refs = self.server.refs()
        self.assertEqual(refs[PILOT], refs[STABLE])
        self.assertEqual(self.server.pull(STABLE), refs[STABLE])
        self.server.fsck()
        reasons = {entry.get("reason") for entry in self.server.journal() if entry["action"] == "promote"}
        self.assertEqual(reasons, {"automatic"})


class AtOnce(Automatic):
    def test_health_and_words(self) -> None:
        self.configure(clients=1, ring_hours=0)
        build = self.compose("44.1", 0)
        self.at(2, 0)
        said = self.server.call("auto")
        self.assertEqual(
            (said.returncode, said.stdout),
            (0, "Waiting: prod/pilot waits with 44.1: healthy on 0 of 1 dev clients\n"),
        )
        for each in (report("dev1", build, failed=("ill.service",)), report("dev1", build, boot=2)):
            if each["state"] == "healthy":
                self.assertIn("unhealthy on dev1: ill.service", self.server.call("auto").stdout)
                self.assertNotIn(PILOT, self.server.refs())
            done = self.server.call("report-health", input=json.dumps({"format": 1, "reports": [each]}))
            self.assertEqual(done.returncode, 0, done.stderr)
        said = self.server.call("auto")
        self.assertIn("Promoted: prod/pilot has 44.1", said.stdout)
        self.assertIn("Promoted: prod/stable has 44.1", self.server.call("auto").stdout)
        self.assertIn("Nothing to do", self.server.call("auto").stdout)

    def test_a_candidate_staged_and_approved_by_hand_goes_early(self) -> None:
        self.compose("44.1", 0)
        self.waits(0, 3, "in dev for 1 h")
        self.server.json("stage")
        self.server.call("check")
        self.server.json("approve", "44.1", "--reason", "a hotfix")
        self.moves(0, 4, "pilot", "44.1")

    def test_a_build_that_is_held_is_passed_over(self) -> None:
        self.compose("44.1", 0)
        self.compose("44.2", 0, 3)
        self.server.json("hold", "44.2", "--reason", "bad")
        said = self.moves(2, 0, "pilot", "44.1")
        self.assertEqual([each["why"] for each in said["passed"]], ["held"])
        self.server.json("hold", "44.1", "--reason", "bad too")
        self.waits(4, 0, "prod/pilot waits with 44.2: held (build 44.2")

    def test_a_key_that_is_elsewhere_is_waited_for(self) -> None:
        content = json.loads(self.server.config.read_text())
        content["environments"]["prod"]["signing"] = "offline"
        self.server.config.write_text(json.dumps(content))
        self.compose("44.1", 0)
        self.waits(2, 0, "not signed yet: 44.1", "sign=laptop", writes=True)
        self.waits(2, 1, "not signed yet: 44.1")

    def test_what_failed_in_passing_is_asked_again(self) -> None:
        self.compose("44.1", 0)
        self.compose("44.2", 0, 3)
        clock = [["clock", "fail", "the clock is not synchronised"]]
        self.finds(**{"44_1": clock, "44_2": clock})
        self.waits(2, 0, "the clock is not synchronised", writes=True)
        self.waits(2, 1, "the clock is not synchronised")  # the same answer is not written again
        self.finds()
        self.moves(2, 2, "pilot", "44.2")

    def test_what_was_passed_over_goes_when_a_release_has_overtaken_it(self) -> None:
        def candidates() -> list[str]:
            return [ref.rpartition("/")[2] for ref in self.server.refs() if "/candidate/" in ref]

        self.configure(ring_hours=0)
        self.finds(**{"44_2": [["broken", "fail", "x is broken"]]})
        self.compose("44.1", 0)
        self.compose("44.2", 0, 3)
        self.moves(2, 0, "pilot", "44.1")
        self.assertEqual(candidates(), ["44.2"], "passed over, not published")
        self.moves(2, 1, "stable", "44.1")
        self.compose("44.3", 2, 2)
        self.moves(4, 0, "pilot", "44.3")
        self.assertEqual(candidates(), [])
        self.server.fsck()

    def test_a_candidate_that_waits_for_an_approval_stays(self) -> None:
        self.finds(**{"44_1": [["removed:tool", "needs-approval", "removed tool"]]})
        self.compose("44.1", 0)
        self.waits(2, 0, "removed tool", writes=True)
        first = self.server.refs()
        self.compose("44.2", 2, 1)
        self.server.json("stage")
        self.assertLessEqual(first.items(), self.server.refs().items())

    def test_a_ring_that_moves_while_the_gates_run_is_to_be_tried_again(self) -> None:
        self.compose("44.1", 0)
        self.at(2, 0)
        self.server.before += ring_moves(self.server.prod)
        self.assertIn("changed while the gates ran", self.server.refused("auto", status=75))

    def test_while_somebody_else_promotes_it_is_to_be_tried_again(self) -> None:
        self.compose("44.1", 0)
        self.at(2, 0)
        self.server.before += (
            "from ostree_release import lock\n"
            f"held = lock.writer(Path({str(self.server.run)!r}), 'prod', 'bob (promote)'); held.__enter__()\n"
        )
        self.assertIn("prod is locked by bob", self.server.refused("auto", status=75))
