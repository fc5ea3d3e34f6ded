"""A promotion that is stopped anywhere, and one whose caller has gone."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import gi

gi.require_version("OSTree", "1.0")
from gi.repository import GLib, OSTree  # noqa: E402

from ostree_release import commands  # noqa: E402
from ostree_release.access import allowed_subcommands  # noqa: E402
from ostree_release.commands import keys  # noqa: E402
from ostree_release.words import render  # noqa: E402
from tests.server import own_gates  # noqa: E402
from tests.server.support import PILOT, STABLE, USER, Document, ServerTest, run  # noqa: E402
from tests.server.test_soak import HOUR, at  # noqa: E402

# The process is gone before or after the nth call of a function.
KILL = """
import os, signal
import importlib
module = importlib.import_module('ostree_release.{module}')
owner = module{owner}
real = owner.{name}
calls = [0]
def killing(*arguments, **more):
    calls[0] += 1
    if calls[0] == {nth} and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **more)
    if calls[0] == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
owner.{name} = killing
"""

# The named steps, and the moments inside them that matter: a journal line, a transaction's end, a summary.
BEFORE = [
    *[("releasing.promote", "", step, 1) for step in ("stage", "sign", "publish")],
    *[
        ("releasing.publish", "", step, 1)
        for step in ("set_release", "smoke_pull", "move_ring", "check_served")
    ],
]
AFTER = [
    ("releasing.publish", "", "check_served", 1),
    *[("repository.writing", ".Transaction", step, 1) for step in ("copy_build", "write_release")],
    *[("repository.writing", ".Transaction", "commit", nth) for nth in (1, 2, 3)],
    *[
        ("repository.writing", "", step, nth)
        for step, nth in (("sign", 1), ("update_summary", 1), ("update_summary", 2))
    ],
    *[("journal", ".Journal", "append", nth) for nth in (1, 3, 4, 6)],
]


class Killed(ServerTest):
    def test_at_every_step(self) -> None:
        tip = self.promote_new("44.0")["release"]["checksum"]
        number = 0
        for before, moments in ((True, BEFORE), (False, AFTER)):
            for module, owner, name, nth in moments:
                number += 1
                with self.subTest(f"{'before' if before else 'after'} {name} {nth}"):
                    hook = KILL.format(module=module, owner=owner, name=name, nth=nth, before=before)
                    tip = self.interrupted(f"44.{number}", tip, hook)

    def interrupted(self, version: str, tip: str, hook: str) -> str:
        """Kill the promotion of a new build, look, and run it again; returns the ring's new tip."""
        build = self.server.build(version, {"hello": f"{version}-1"})
        killed = self.server.call("promote", before=hook)
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        self.server.fsck()
        self.assertIn(self.server.pull(PILOT), (tip, self.server.refs()[PILOT]))
        plan = self.server.json("promote", "--plan")
        done = self.server.json("promote")
        self.assertEqual(done["build"]["checksum"], build)
        self.assertEqual(done["release"]["version"], version, "one release, however often it is run")
        self.assertIn(
            (plan["outcome"], done["outcome"]),
            [("promote", "promoted"), ("repair", "repaired"), ("unchanged", "unchanged")],
        )
        self.server.fsck()
        checksum = str(done["release"]["checksum"])
        self.assertEqual(self.server.pull(PILOT), checksum)
        shown = run("ostree", f"--repo={self.server.prod}", "show", checksum).stdout
        self.assertIn("Found 1 signature:", shown)
        self.assertEqual(self.server.json("promote", "--plan")["outcome"], "unchanged")
        intents = [entry for entry in self.server.journal() if entry["event"] == "intent"]
        ends = [entry["intent"] for entry in self.server.journal() if entry["event"] in ("done", "failed")]
        self.assertEqual(len(ends), len(intents))
        self.assertEqual(len(set(ends)), len(intents))
        return checksum


# Between the effects of a promotion by itself to the first ring: lines of the journal, each end of a
# transaction, each summary.
EFFECTS = [
    *[(False, "repository.writing", "", "update_summary", nth) for nth in (1, 2, 3)],
    *[(False, "repository.writing", ".Transaction", "commit", nth) for nth in (1, 2, 3)],
    *[(False, "journal", ".Journal", "append", nth) for nth in (2, 4, 5, 6, 7, 8, 9)],
]
# The same of a repair, which may be killed as well: the end of the move in the journal, that it is shown, the
# summary, the anchor.
OF_A_REPAIR = [
    *[(False, "journal", ".Journal", "append", nth) for nth in (1, 2, 3)],
    (False, "repository.writing", "", "update_summary", 1),
]
RING_MOVED = (False, "repository.writing", ".Transaction", "commit", 3)
DAY = 24 * HOUR


class ByItself(ServerTest):
    """`auto` is killed, the server is down for longer than pilot tries a release, and `auto` goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.server.write_config(gates={"soak": {"hours": 0, "clients": 0, "ring_hours": 24}})
        self.now = int(time.time()) + HOUR

    def auto(self, later: int = 0) -> Document:
        self.now += later
        self.server.before = at(self.now)
        return self.server.json("auto")

    def kill(self, moment: tuple[bool, str, str, str, int]) -> None:
        before, module, owner, name, nth = moment
        self.server.before = at(self.now)
        hook = KILL.format(module=module, owner=owner, name=name, nth=nth, before=before)
        done = self.server.call("auto", before=hook)
        self.assertEqual(done.returncode, -signal.SIGKILL, (moment, done.stdout, done.stderr))

    def served(self) -> dict[str, str]:
        """Return what clients look refs up in, as the web server gives it."""
        trust = ssl.create_default_context(cafile=str(self.server.top / "tls/ca.crt"))
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT  # stricter than the clients' libcurl
        url = f"https://localhost:{self.server.port}/base/prod/summary"
        try:
            with urllib.request.urlopen(url, context=trust) as answer:
                content = answer.read()
        except urllib.error.HTTPError:
            return {}
        kind = GLib.VariantType(OSTree.SUMMARY_GVARIANT_STRING)
        refs = GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(content), False).unpack()[0]
        return {ref: bytes(checksum).hex() for ref, (_, checksum, _) in refs}

    def test_killed_between_any_two_effects(self) -> None:
        for number, moment in enumerate(EFFECTS):
            with self.subTest(moment):
                before = self.served()
                self.server.build(f"44.{number}", {"hello": f"{number}-1"})
                self.kill(moment)
                shown = self.served().get(PILOT) != before.get(PILOT)
                self.goes_on(before, shown)
        self.server.fsck()

    def test_the_repair_is_killed_too(self) -> None:
        for number, moment in enumerate(OF_A_REPAIR):
            with self.subTest(moment):
                before = self.served()
                self.server.build(f"44.{number}", {"hello": f"{number}-1"})
                self.kill(RING_MOVED)
                self.assertEqual(self.served().get(PILOT), before.get(PILOT))
                self.now += DAY
                self.kill(moment)
                self.goes_on(before, shown=self.served().get(PILOT) != before.get(PILOT))

    def goes_on(self, before: dict[str, str], shown: bool) -> None:
        """Run it again, two days later; shown: whether pilot's clients were told of the release before."""
        done = self.auto(2 * DAY)
        new = self.server.refs()[PILOT]
        self.assertEqual(self.server.pull(PILOT), new)
        self.assertNotEqual(new, before.get(PILOT))
        if not shown:
            self.assertIn(done["outcome"], ("promoted", "repaired"))
            self.assertEqual(self.served().get(STABLE), before.get(STABLE), "pilot tries it first")
            self.assertIn("in pilot for 12 h, 24 h are due", self.auto(12 * HOUR)["line"])
            self.assertEqual(self.served().get(STABLE), before.get(STABLE), "and for as long as that takes")
            done = self.auto(12 * HOUR)
        self.assertEqual((done["outcome"], done["ring"]), ("promoted", "stable"))
        self.assertEqual(self.served(), self.server.refs())
        self.assertEqual(self.server.pull(STABLE), new)
        self.in_order()

    def in_order(self) -> None:
        entries = self.server.journal()
        intents = [entry for entry in entries if entry["event"] == "intent"]
        ends = {entry["intent"] for entry in entries if entry["event"] in ("done", "failed")}
        self.assertEqual(len(ends), len(intents))
        again = self.auto()
        self.assertEqual((again["outcome"], again["repaired"]), ("nothing", []))
        proven = self.server.call("verify")
        self.assertEqual(proven.returncode, 0, proven.stdout)


# Every subcommand that changes an environment which is promoted to, with arguments that may be refused.
CHANGING = {
    "promote": [["promote"], ["promote", "--ring", "stable"]],
    "auto": [["auto"]],
    "stage": [["stage"]],
    "sign": [["sign"], ["sign", "--attach", "--version", "1", "--expect", "0"]],
    "publish": [["publish"]],
    "keys introduce": [["keys", "introduce", "-"]],
    "keys use": [["keys", "use", "0"]],
    "keys withdraw": [["keys", "withdraw", "0"]],
}
# `run-compose` changes what is composed: see test_compose.
NOT_CHANGING = allowed_subcommands.LOOKING | {
    *("compose", "run-compose", "run-gate", "run-verify", "check", "approve", "hold", "report-health"),
}


class Everybody(ServerTest):
    def test_every_subcommand_is_known_here(self) -> None:
        actions = {f"keys {name}" for name, *_ in keys._ACTIONS}
        self.assertEqual({*CHANGING, *NOT_CHANGING}, {*commands.names(), *actions})

    def test_every_subcommand_has_a_summary_and_words(self) -> None:
        for name in commands.names():
            module = importlib.import_module(f"ostree_release.commands.{name.replace('-', '_')}")
            self.assertRegex(module.__doc__ or "", rf"^`{name}`: .+", f"{name}: what help prints")
            source = inspect.getsource(module)
            words = re.findall(r'return "([a-z -]+)", ', source) + re.findall(r'calls\("([a-z-]+)"', source)
            missing = {*words} - {*render._RENDERERS}
            self.assertEqual(missing, set(), f"{name}: RENDERERS of ostree_release/words/ has no such words")

    def test_what_a_subcommand_calls_is_there_and_takes_its_options(self) -> None:
        called = 0
        for name in commands.names():
            run = importlib.import_module(f"ostree_release.commands.{name.replace('-', '_')}").run
            given = inspect.getclosurevars(run).nonlocals
            if given:
                module, _, function = given["place"].partition(":")
                found = getattr(importlib.import_module(f"ostree_release.{module}"), function)
                inspect.signature(found).bind(None, *given["names"])
                whole: Any = commands.parser([name])
                options = whole._subparsers._group_actions[0].choices[name]._actions
                self.assertLessEqual({*given["names"]}, {each.dest for each in options}, name)
                called += 1
        self.assertGreaterEqual(called, 10)

    def test_whatever_changes_something_completes_first_what_was_interrupted(self) -> None:
        self.promote_new("44.0")
        _, module, owner, name, nth = RING_MOVED
        hook = KILL.format(module=module, owner=owner, name=name, nth=nth, before=False)
        public = (self.server.top / "base/keys/prod.gpg").read_bytes()
        for number, arguments in enumerate(itertools.chain(*CHANGING.values()), start=1):
            with self.subTest(arguments):
                self.server.build(f"44.{number}", {"hello": f"{number}-1"})
                old = self.server.pull(PILOT)
                self.assertEqual(self.server.call("promote", before=hook).returncode, -signal.SIGKILL)
                self.assertEqual(self.server.pull(PILOT), old, "nothing to complete")
                said = self.server.call(*arguments, input=public)
                self.assertNotIn("internal error", said.stderr)
                self.assertEqual(self.server.pull(PILOT), self.server.refs()[PILOT])
                self.assertNotEqual(self.server.pull(PILOT), old)
                self.assertEqual(self.server.json("promote", "--plan")["repairs"], [])
                last = json.loads((self.server.state / "anchors/prod.jsonl").read_text().splitlines()[-1])
                covered = self.server.journal()[: json.loads(last["document"])["lines"]]
                (moved,) = [entry for entry in covered if entry["event"] == "shown"][number - 1 :]
                self.assertEqual(moved["moves"][0]["to"], self.server.refs()[PILOT])


class Stopped(ServerTest):
    def test_by_a_signal(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        hook = (
            "import os, signal\nfrom ostree_release.releasing import publish\n"
            "publish.smoke_pull = lambda *a: os.kill(os.getpid(), signal.SIGTERM)"
        )
        self.assertIn("stopped by SIGTERM", self.server.refused("promote", before=hook))
        self.assertNotIn(PILOT, self.server.refs())
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")

    def test_by_a_signal_between_the_move_and_its_record(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"hello": "2-1"})
        hook = (
            "import os, signal\nfrom ostree_release.repository.writing import Transaction\n"
            "real = Transaction.commit\n"
            "def commit(self):\n    real(self)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
            "Transaction.commit = commit"
        )
        self.assertIn("stopped by SIGTERM", self.server.refused("promote", before=hook))
        self.assertEqual(self.server.journal()[-1]["event"], "intent", "the move was made: it has not failed")
        self.server.json("promote")
        late = [entry for entry in self.server.journal() if entry.get("late")]
        self.assertEqual([(entry["action"], entry["event"]) for entry in late], [("stage", "done")])

    def test_publish_completes_what_publish_began(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        staged = self.server.json("stage")["release"]["checksum"]
        self.server.json("check")
        self.server.json("sign")
        hook = KILL.format(module="releasing.publish", owner="", name="smoke_pull", nth=1, before=True)
        self.assertEqual(self.server.call("publish", before=hook).returncode, -signal.SIGKILL)
        self.assertNotIn(PILOT, self.server.refs())
        self.assertEqual(self.server.json("publish")["outcome"], "published")
        self.assertEqual(self.server.pull(PILOT), staged)
        self.assertEqual(self.server.json("publish")["outcome"], "unchanged")

    def test_no_agent_stays_behind(self) -> None:
        before = self.agents()
        for number in range(4):
            self.promote_new(f"44.{number}")
        self.assertEqual(self.agents() - before, set())

    def agents(self) -> set[bytes]:
        """Return the command lines of every gpg-agent on this machine; each has a home of its own."""
        lines = set()
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # ended meanwhile
                lines.add(process.read_bytes())
        return {line for line in lines if line.startswith(b"gpg-agent")}

    def test_a_lost_connection_does_not_stop_it(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        hook = (
            "import os, signal\nfrom ostree_release.releasing import promote\nreal = promote.stage\n"
            "def stage(*a):\n    os.kill(os.getpid(), signal.SIGHUP)\n    return real(*a)\n"
            "promote.stage = stage"
        )
        command = self.server.command("promote", before=hook)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            process.stderr.close()
            self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.server.json("promote")["outcome"], "unchanged")

    def test_the_lock(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        hook = (
            "import subprocess, sys\nfrom ostree_release.releasing import promote\n"
            "def stage(*a):\n    print(subprocess.run(other, capture_output=True, text=True))\n"
            "    sys.exit(9)\n"
            f"other = {self.server.command('promote')!r}\npromote.stage = stage"
        )
        inside = self.server.call("promote", before=hook)
        self.assertEqual(inside.returncode, 9)
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.assertIn(f"prod is locked by {user} (promote): try again later", inside.stdout)
        self.assertIn("returncode=75", inside.stdout)
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")


class Owners(ServerTest):
    """dev belongs to root, prod to somebody else, as on every server."""

    def hand_over(self, prod: Path) -> pwd.struct_passwd:
        """Give prod, which is there, and what deploy.py gives with it to somebody else; returns to whom."""
        if os.geteuid():
            self.skipTest("only root can hand prod to another user")
        account = pwd.getpwnam("nobody")
        content = json.loads(self.server.config.read_text())
        content["environments"]["prod"]["owner"] = account.pw_name
        mine: list[Any] = [prod, self.server.state / "keys/prod"]
        mine += [self.server.state / name for name in ("smoke", "anchors", "verify", "checks", "sbom")]
        mine += [self.server.state / "journal.jsonl", *self.server.run.iterdir()]
        for path in mine:
            for each in (path, *path.rglob("*")):
                os.chown(each, account.pw_uid, account.pw_gid)
        self.server.config.write_text(json.dumps(content))
        return account

    def test_what_root_does_is_the_owners(self) -> None:
        """An administrator checks, looks and promotes at a shell, with gates of his own; then the owner."""
        own_gates.prepare(self.server)
        own_gates.gate(self.server, "10-who", "id -un; exit 3")
        self.server.write_config(gates={"own": {}})
        account = self.hand_over(self.server.prod)
        for path in (self.server.state / "gates", self.server.run / "gates"):
            for each in (path, *path.rglob("*")):
                os.chown(each, account.pw_uid, account.pw_gid)
        before = own_gates.units(self.server)
        self.server.build("44.1", {"hello": "1-1"})
        closed = self.server.top / "closed"  # as root's own directory is
        closed.mkdir(mode=0o700)
        build = ["stage"], ["check"], ["promote", "--plan"], ["promote"]
        looks = ["status"], ["builds"], ["log"], ["diff", "pilot", "dev"], ["keys"], ["verify"], ["config"]
        for command in (*build, ["auto"], *looks, ["changelog"], ["sbom", "pilot"], ["hold"]):
            done = self.server.start(*command, before=before, cwd=closed)
            self.assertEqual(done.returncode, 0, (command, done.stdout, done.stderr))
        kept = list((self.server.state / "gates/output/prod").glob("*/10-who.txt"))
        self.assertEqual([path.read_text() for path in kept], [f"{account.pw_name}\n"])
        self.assertIn(f"'actor': '{USER}'", str(self.server.journal()), "the actor is who called")
        places = ("gates", "checks/prod", "smoke/prod", "anchors", "sbom/prod", "keys/prod")
        folders = [self.server.prod, self.server.run, *(self.server.state / name for name in places)]
        self.assertEqual(
            [folder for folder in folders if not any(folder.iterdir())], [], "nothing to look at"
        )
        wrong = [
            path for folder in folders for path in folder.rglob("*") if path.stat().st_uid != account.pw_uid
        ]
        self.assertEqual(wrong, [])
        self.server.build("44.2", {"hello": "2-1"})
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "umask": 0o077}
        done = self.server.start("promote", before=before, env={"PATH": os.environ["PATH"]}, **owner)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_another_owner_and_another_file_system(self) -> None:
        prod = Path("/dev/shm") / self.server.top.name
        if prod.parent.is_dir():
            shutil.copytree(self.server.prod, prod)
            self.addCleanup(shutil.rmtree, prod)
            shutil.rmtree(self.server.prod)
            self.server.prod.symlink_to(prod)
        account = self.hand_over(prod)
        for version in ("44.1", "44.2"):
            self.server.build(version, {"hello": f"{version}-1"})
            done = self.server.start(
                "promote",
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                umask=0o077,
                env={"PATH": os.environ["PATH"]},
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        self.server.fsck()
        self.assertEqual(self.server.pull(PILOT), self.server.refs()[PILOT])
        wrong = [path for path in prod.rglob("*") if path.stat().st_uid != account.pw_uid]
        self.assertEqual(wrong, [])
        unreadable = [path for path in prod.joinpath("objects").rglob("*") if not path.stat().st_mode & 0o004]
        self.assertEqual(unreadable, [])


if __name__ == "__main__":
    unittest.main()
