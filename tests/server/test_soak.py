"""Health reports and the gate `soak`: what is recorded, what counts, and what it says is still due."""

from __future__ import annotations

import json
import unittest
from typing import Any

from ostree_release.journal import time_of
from tests.server.support import DEV, PILOT, Document, ServerTest

START = 1_795_000_000  # 2026-11-18 11:06:40 UTC
HOUR = 3600
BOOT = "0b6a1c9e-6f4b-4b6e-9d3a-00000000000"

# What a compose of that checksum leaves in the journal.
COMPOSED = """
from ostree_release.journal import Journal
Journal(Path({state!r}) / "journal.jsonl", Path({run!r})).append({{
    "event": "done", "actor": "timer", "action": "compose", "environment": "dev",
    "moves": [{{"ref": {ref!r}, "from": None, "to": {checksum!r}}}]}})
sys.exit(0)
"""
JUDGE = """
import json
from ostree_release.loading import load
from ostree_release.context import Context, Progress
from ostree_release.gates import soak
from ostree_release.environments.snapshot import look
from ostree_release.gates.subject import Subject
context = Context(load(Path({config!r})), "tester", Progress())
prod, _ = context.config.promoting("prod")
seen = look(context, prod)
candidate = next(c for c in seen.commits.values() if c.version == {version!r})
subject = Subject(context, seen, candidate, prod.ring({ring!r}), {options!r})
outcome = soak.judge(subject)
print(json.dumps({{"answer": outcome.answer, "line": outcome.line, "data": outcome.data,
                  "findings": [[f.id, f.answer, f.line] for f in outcome.findings]}}))
sys.exit(0)
"""


def at(moment: int) -> str:
    """Return Python that sets the program's clock."""
    return f"from ostree_release import clock\nclock.now = lambda: {moment}\n"


def report(client: str, checksum: str, boot: int = 1, failed: tuple[str, ...] = (), **more: Any) -> Document:
    """Return what a client says: healthy, unless units failed."""
    return {
        "client": client,
        "checksum": checksum,
        "boot": f"{BOOT}{boot}",
        "state": "unhealthy" if failed else "healthy",
        "system": "degraded" if failed else "running",
        "failed": list(failed),
        **more,
    }


class Reports(ServerTest):
    def hand_in(self, *reports: Document, moment: int = START) -> Document:
        done = self.server.call(
            "report-health",
            "--json",
            before=at(moment),
            input=json.dumps({"format": 1, "reports": list(reports)}),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        document: Document = json.loads(done.stdout.splitlines()[-1])
        return document

    def reported(self) -> list[Document]:
        return [entry for entry in self.server.journal() if entry["event"] == "reported"]

    def compose(self, version: str, hello: str, moment: int = START) -> str:
        checksum = self.server.build(version, {"hello": hello})
        place = {"state": str(self.server.state), "run": str(self.server.run)}
        before = at(moment) + COMPOSED.format(**place, ref=DEV, checksum=checksum)
        self.assertEqual(self.server.call("config", before=before).returncode, 0)
        return checksum

    def judge(self, version: str, moment: int, ring: str = "pilot", **options: int) -> Document:
        chosen = {"hours": 24, "clients": 1, "ring_hours": 0, **options}
        code = JUDGE.format(config=str(self.server.config), version=version, ring=ring, options=chosen)
        done = self.server.call("config", before=at(moment) + code)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        document: Document = json.loads(done.stdout)
        return document


class Recording(Reports):
    def test_only_what_is_new_is_written(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        first = self.hand_in(report("dev1", build), report("far", "f" * 64))
        self.assertEqual(first["elsewhere"], ["far"], "no build of this server")
        (entry,) = self.reported()
        self.assertEqual(
            [entry[key] for key in ("client", "version", "checksum", "state", "environment")],
            ["dev1", "44.1", build, "healthy", "dev"],
        )
        self.hand_in(report("dev1", build))
        self.assertEqual(len(self.reported()), 1, "nothing new, nothing written")
        self.hand_in(report("dev1", build, failed=("ill.service",)))
        self.hand_in(report("dev1", build))
        self.hand_in(report("dev1", build, boot=2))
        states = [(entry["state"], entry["boot"][-1]) for entry in self.reported()]
        self.assertEqual(states, [("healthy", "1"), ("unhealthy", "1"), ("healthy", "1"), ("healthy", "2")])

    def test_words(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        text = json.dumps({"format": 1, "reports": [report("dev1", build, failed=("ill.service",))]})
        said = self.server.call("report-health", input=text).stdout
        self.assertIn("dev1: 44.1 of dev is unhealthy: ill.service\n", said)
        status = self.server.call("status").stdout
        self.assertIn("UNHEALTHY dev: dev1 with 44.1: ill.service\n", status)
        self.assertIn("44.1  dev1 unhealthy", self.server.call("log").stdout)

    def test_what_is_wrong_is_refused_as_a_whole(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        right = report("dev1", build)
        for wrong, word in (
            ("{", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("[]", "object"),
            (json.dumps({"format": 2, "reports": []}), "format 1"),
            *(
                (json.dumps({"format": 1, "reports": [right | {"client": "dev2"}, change]}), word)
                for change, word in (
                    ({}, "report 2: an object"),
                    (right | {"client": "dev\n2"}, "client"),
                    (right | {"client": "x" * 257}, "client"),
                    (right | {"client": "dev2"}, "more than one of dev2"),
                    (right | {"checksum": "../../etc"}, "checksum"),
                    (right | {"checksum": build + "\n"}, "checksum"),
                    (right | {"boot": "x"}, "boot"),
                    (right | {"state": "fine"}, "state"),
                    (right | {"failed": ["ill.service"]}, "healthy with failed units"),
                    (right | {"failed": ["\x1b[31m"], "state": "unhealthy"}, "failed"),
                    (right | {"failed": ["a"] * 21, "state": "unhealthy"}, "failed"),
                    (right | {"failed": "a", "state": "unhealthy"}, "failed"),
                    (right | {"more": 1}, "report 2: an object"),
                )
            ),
            (" " * (8 << 20) + "{}", "8 MiB"),
        ):
            done = self.server.call("report-health", input=wrong)
            lines = done.stderr.splitlines()
            self.assertEqual((done.returncode, len(lines)), (1, 1), done.stderr)
            self.assertIn(word, lines[0])
        self.assertEqual(self.reported(), [])


class Gate(Reports):
    def test_too_young_then_old_enough(self) -> None:
        self.compose("44.1", "1-1")
        self.server.json("stage")
        young = self.judge("44.1", START + 2 * HOUR, clients=0)
        line = "in dev for 2 h, 24 h are due (until 2026-11-19 11:06 UTC)"
        self.assertEqual(young["findings"], [["soak:age:24h", "needs-approval", line]])
        self.assertEqual(self.judge("44.1", START + 24 * HOUR - 1, clients=0)["answer"], "needs-approval")
        old = self.judge("44.1", START + 24 * HOUR, clients=0)
        self.assertEqual((old["answer"], old["findings"]), ("pass", []))
        self.assertEqual(old["line"], "in dev for 24 h, healthy on no client")

    def test_time_counts_from_when_clients_were_told(self) -> None:
        """The summary came late, because something was interrupted."""
        build = self.compose("44.1", "1-1")
        self.assertEqual(self.server.call("promote", before=at(START + HOUR)).returncode, 0)
        pilot = self.server.refs()[PILOT]
        for environment, ref, checksum in (("dev", DEV, build), ("prod", PILOT, pilot)):
            moves = [{"ref": ref, "from": None, "to": checksum}]
            later = time_of(START + 20 * HOUR)
            self.server.note({"event": "shown", "environment": environment, "moves": moves, "time": later})
        judged = self.judge("44.1", START + 30 * HOUR, ring="stable", clients=0, ring_hours=24)
        self.assertIn("in dev for 10 h, 24 h are due", judged["line"])
        self.assertIn("in pilot for 10 h, 24 h are due", judged["line"])

    def test_without_a_journal_the_builds_own_time_counts(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.server.json("stage")
        composed = self.server.json("builds")["builds"][0]["timestamp"]
        self.assertEqual(self.judge("44.1", composed + 24 * HOUR, clients=0)["answer"], "pass")
        self.assertEqual(self.judge("44.1", composed + 23 * HOUR, clients=0)["answer"], "needs-approval")

    def test_clients_that_ran_it(self) -> None:
        build = self.compose("44.1", "1-1")
        self.server.json("stage")
        late = START + 30 * HOUR
        none = self.judge("44.1", late, clients=2)
        self.assertEqual(
            none["findings"],
            [["soak:clients:0-of-2", "needs-approval", "healthy on 0 of 2 dev clients"]],
        )
        self.hand_in(report("dev1", build))
        self.assertIn("healthy on 1 of 2 dev clients", self.judge("44.1", late, clients=2)["line"])
        self.hand_in(report("dev2", build, failed=("lab-ill.service", "other.mount")))
        ill = self.judge("44.1", late, clients=1)
        line = "unhealthy on dev2: lab-ill.service, other.mount"
        self.assertEqual(
            ill["findings"], [["soak:unhealthy:dev2:lab-ill.service, other.mount", "fail", line]]
        )
        self.hand_in(report("dev2", build, failed=("lab-ill.service", "worse.mount")))
        worse = self.judge("44.1", late, clients=1)
        self.assertNotEqual(worse["findings"][0][0], ill["findings"][0][0], "not what an approver saw")
        self.hand_in(report("dev2", build, boot=2))
        well = self.judge("44.1", late, clients=2)
        self.assertEqual((well["answer"], well["data"]["healthy"]), ("pass", ["dev1", "dev2"]))
        self.hand_in(report("dev1", build, boot=3, state="unhealthy", system="starting"))
        self.assertIn("unhealthy on dev1: system is starting", self.judge("44.1", late)["line"])

    def test_very_many_clients_are_not_all_in_the_line(self) -> None:
        build = self.compose("44.1", "1-1")
        self.server.json("stage")
        well = [report(f"well{number}", build) for number in range(5)]
        self.hand_in(*well)
        line = "in dev for 30 h, healthy on well0, well1, well2, and 2 more"
        found = self.judge("44.1", START + 30 * HOUR)
        self.assertEqual((found["line"], len(found["data"]["healthy"])), (line, 5))
        self.hand_in(*(report(f"ill{number}", build, failed=("x.service",)) for number in range(5)))
        found = self.judge("44.1", START + 30 * HOUR)
        line = "; ".join(f"unhealthy on ill{number}: x.service" for number in range(3))
        self.assertEqual(found["line"], f"{line}; and 2 more")
        self.assertEqual((len(found["findings"]), len(found["data"]["unhealthy"])), (5, 5))

    def test_the_same_tree_counts_another_does_not(self) -> None:
        first = self.compose("44.1", "1-1")
        again = self.server.build("44.2", {"hello": "1-1"})
        other = self.server.build("44.3", {"hello": "3-1"})
        self.assertNotEqual(first, again)
        self.server.json("stage", "--build", "44.1")
        late = START + 30 * HOUR
        self.hand_in(report("dev1", other))
        self.assertEqual(self.judge("44.1", late)["answer"], "needs-approval", "another tree")
        self.hand_in(report("dev1", again))
        self.assertEqual(self.judge("44.1", late)["answer"], "pass", "the same tree")
        # What a client says about another build does not touch this one.
        self.hand_in(report("dev1", other, failed=("ill.service",)))
        self.assertEqual(self.judge("44.1", late)["answer"], "pass")

    def test_soak_stays_when_it_is_staged_again(self) -> None:
        build = self.compose("44.1", "1-1")
        self.server.json("stage")
        self.hand_in(report("dev1", build))
        before = self.server.refs()
        self.server.build("44.2", {"hello": "2-1"})
        self.server.json("stage")
        self.server.json("check", "44.2")
        self.server.json("sign", "--version", "44.2")
        self.server.json("publish", "--version", "44.2")
        self.server.json("stage", "--build", build)
        after = self.server.refs()
        ref = f"{DEV.rpartition('/')[0]}/candidate/44.1"
        self.assertNotEqual(before[ref], after[ref], "another candidate")
        self.assertEqual(self.judge("44.1", START + 24 * HOUR)["answer"], "pass")

    def test_a_later_ring_has_its_own_soak(self) -> None:
        build = self.compose("44.1", "1-1")
        self.hand_in(report("dev1", build))
        promoted = START + 30 * HOUR
        self.assertEqual(self.server.call("promote", before=at(promoted)).returncode, 0)
        first = self.judge("44.1", promoted, ring_hours=48)
        self.assertEqual(first["answer"], "pass", "the first ring has no ring before it")
        soon = self.judge("44.1", promoted + 47 * HOUR, ring="stable", ring_hours=48)
        line = "in pilot for 47 h, 48 h are due (until 2026-11-21 17:06 UTC)"
        self.assertEqual(soon["findings"], [["soak:ring:pilot:48h", "needs-approval", line]])
        self.assertEqual(
            self.judge("44.1", promoted + 48 * HOUR, ring="stable", ring_hours=48)["answer"], "pass"
        )


if __name__ == "__main__":
    unittest.main()
