"""What is done behind the program's back is found by `verify`; what the program itself leaves is not."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import unittest
from collections.abc import Callable
from pathlib import Path

from ostree_release.journal import START, Journal, line_hash
from ostree_release.model import Entry, Move
from ostree_release.signing import gpg
from tests.server.support import HOME, PILOT, STABLE, Document, Server, ServerTest, run
from tests.server.test_interrupted import KILL

ONE, TWO = f"{HOME}/releases/44.1", f"{HOME}/releases/44.2"


class Tamperer:
    """Somebody who can write everything that ostree-prod can write."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.journal_file = server.state / "journal.jsonl"
        self.anchors_file = server.state / "anchors/prod.jsonl"
        self.journal = Journal(self.journal_file, server.run)

    def ostree(self, *arguments: str | Path) -> str:
        """Run ostree on prod."""
        return run("ostree", f"--repo={self.server.prod}", *arguments).stdout.strip()

    def move(self, ref: str, checksum: str) -> None:
        """Move a ref with ostree, and make the summary fit."""
        self.ostree("refs", "--force", f"--create={ref}", checksum)
        self.ostree("summary", "--update")

    def at(self, ref: str) -> str:
        """Return what a ref has."""
        return self.server.refs()[ref]

    def commit(self, key: str | None, *more: str) -> str:
        """Make a commit with the newest release's tree and version; signed by a key, if any."""
        keys = ("version", "release.serial", "release.build", "release.journal")
        strings = {name: self.ostree("show", f"--print-metadata-key={name}", TWO).strip("'") for name in keys}
        bound = [f"--bind-ref={ref}" for ref in (STABLE, TWO, f"{HOME}/candidate/44.2")]
        checksum = self.ostree(
            *("commit", f"--tree=ref={TWO}", f"--branch={PILOT}", *bound, *more),
            *(f"--add-metadata-string={name}={value}" for name, value in strings.items()),
        )
        if key:
            self.server.sign(self.server.prod, checksum, key)
        return checksum

    def meta(self, ref: str) -> Path:
        """Return the file with a commit's signatures."""
        checksum = self.at(ref)
        return self.server.prod / "objects" / checksum[:2] / f"{checksum[2:]}.commitmeta"

    def lines(self, edit: Callable[[list[bytes]], list[bytes]], file: Path | None = None) -> None:
        """Edit the lines of the journal, or of another file."""
        file = file or self.journal_file
        file.write_bytes(b"".join(line + b"\n" for line in edit(file.read_bytes().splitlines())))

    def forge(self, edit: Callable[[list[Entry]], list[Entry]]) -> None:
        """Edit the journal's entries and chain them anew."""
        previous, forged = START, []
        for entry in edit(self.server.journal()):
            forged.append(json.dumps({**entry, "previous": previous}).encode())
            previous = line_hash(forged[-1])
        self.lines(lambda _: forged)

    def sign_anchor(self, key: str, **changes: object) -> None:
        """Write the last anchor anew, changed and signed with a key of the server."""
        home = self.server.state / "keys" / key

        def edit(lines: list[bytes]) -> list[bytes]:
            document = json.dumps({**json.loads(json.loads(lines[-1])["document"]), **changes})
            with gpg.no_agent_left(home):
                made = gpg.sign(document.encode(), gpg.secret_keys(home)[0].fingerprint, home)
            outer = {"document": document, "signature": base64.b64encode(made).decode()}
            return [*lines[:-1], json.dumps(outer).encode()]

        self.lines(edit, self.anchors_file)

    def forge_without_anchors(self) -> None:
        """Say of everything that somebody else did it, and remove what speaks of anchors."""
        self.forge(lambda all_: [{**e, "actor": "eve"} for e in all_ if e["event"] != "anchored"])
        self.anchors_file.unlink()

    def sign_instead(self, key: str) -> None:
        """Sign the first release with a key of the server only."""
        self.meta(ONE).unlink()
        self.server.sign(self.server.prod, self.at(ONE), key)

    def spoil_anchor(self) -> None:
        """Put something before the last anchor's signature."""
        old, new = b'"signature": "', b'"signature": "AAAA'
        self.lines(lambda lines: [*lines[:-1], lines[-1].replace(old, new)], self.anchors_file)

    def promote(self, ring: str, *before: Document) -> None:
        """Move a ring to the newest release with entries as the program writes them, after some others."""
        for entry in before:
            self.journal.append({"actor": "anna", "environment": "prod", "version": "44.2", **entry})
        ref = f"{HOME}/{ring}"
        moves = [Move(ref, self.at(ref), self.at(TWO))]
        with self.journal.move("anna", "promote", "prod", moves, version="44.2", ring=ring):
            self.move(ref, self.at(TWO))

    def checked(self, *findings: Document, tip: str | None = None) -> Document:
        """Return what the gates would have said about the newest release and the last ring."""
        results = [{"gate": "diff", "answer": "pass", "line": "", "findings": list(findings)}]
        common = {"event": "checked", "checksum": self.at(TWO), "ring": "stable", "policy": "p"}
        return {**common, "tip": tip or self.at(STABLE), "results": results}

    def approved(self, until: int, *findings: str) -> Document:
        """Return an approval of findings about the newest release for the last ring."""
        common = {"event": "approved", "checksum": self.at(TWO), "rings": ["stable"], "reason": "why not"}
        return {**common, "findings": list(findings), "overrides": [], "until": until}


GONE = {"id": "removed:vim", "answer": "needs-approval", "line": "vim is gone"}
Tampering = Callable[[Tamperer], object]

# What is done, and what is found: by line of the journal, ref, anchor or summary.
TAMPERINGS: dict[str, tuple[Tampering, str]] = {
    "a ring moved to another release": (
        lambda t: t.move(PILOT, t.at(ONE)),
        rf"{PILOT}: is at 44\.1 .*, but line \d+ left it at 44\.2 .*: moved by hand",
    ),
    "a ring moved to a commit of somebody's": (
        lambda t: t.move(PILOT, t.commit("dev")),
        rf"{PILOT}: is at 44\.2 .*, but line \d+ left it at 44\.2 .*: moved by hand",
    ),
    "a release's ref removed": (
        lambda t: t.ostree("refs", "--delete", ONE),
        rf"{ONE}: is gone, but line \d+ left it at 44\.1",
    ),
    "a release made by hand": (
        lambda t: t.move(f"{HOME}/releases/44.9", t.at(TWO)),
        rf"{HOME}/releases/44\.9: is at 44\.2 .*, and no entry ever moved it: made by hand",
    ),
    "a signed release without entry": (
        lambda t: t.move(f"{HOME}/releases/44.2", t.commit("prod")),
        rf"{TWO}: no entry staged \w+: a release without entry",
    ),
    "a ref outside": (
        lambda t: t.move("evil/branch", t.at(ONE)),
        "evil/branch: is at 44.1 .*, and no entry ever moved it",
    ),
    "an edited entry": (
        lambda t: t.lines(lambda lines: [*lines[:3], lines[3].replace(b'"prod"', b'"pr0d"'), *lines[4:]]),
        "line 5: does not follow from line 4",
    ),
    "a removed entry": (
        lambda t: t.lines(lambda lines: [*lines[:3], *lines[4:]]),
        "line 4: does not follow from line 3",
    ),
    "an inserted entry": (
        lambda t: t.lines(lambda lines: [*lines[:3], lines[1], *lines[3:]]),
        "line 4: does not follow from line 3.*; it follows line 1",
    ),
    "entries in another order": (
        lambda t: t.lines(lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]]),
        "line 4: does not follow from line 3.*; it follows line 4|line 4: does not follow from line 3",
    ),
    "the first entries removed": (lambda t: t.lines(lambda lines: lines[2:]), "line 1: does not follow"),
    "the last entries removed": (
        lambda t: t.lines(lambda lines: lines[:-4]),
        r"journal: anchor 3 of prod signed another line here of \d+, and has \d+ now",
    ),
    "half of the last signed line removed": (
        lambda t: t.journal_file.write_bytes(t.journal_file.read_bytes()[:-400]),
        "journal: anchor 3 of prod signed another line",
    ),
    "an entry forged, and all after it chained anew": (
        lambda t: t.forge(lambda entries: [*entries[:3], {**entries[3], "actor": "eve"}, *entries[4:]]),
        r"line \d+: anchor 1 of prod signed another line here",
    ),
    "an entry forged, without anchors": (
        lambda t: t.forge_without_anchors(),
        rf"{TWO}: names \w+ as the journal's head when it was staged, and no line has that hash",
    ),
    "an entry of an event that is none": (
        lambda t: t.journal.append({"event": "blessed", "environment": "prod"}),
        r"line \d+: is no entry of this program: its event is 'blessed'",
    ),
    "the journal emptied": (lambda t: t.journal_file.write_bytes(b""), "journal: is empty or gone"),
    "the journal deleted": (lambda t: t.journal_file.unlink(), "journal: is empty or gone"),
    "a signature removed": (lambda t: t.meta(ONE).unlink(), rf"{ONE}: \w+ has no signature"),
    "a signature by a key that was never trusted": (
        lambda t: t.sign_instead("dev"),
        rf"{ONE}: the signature of \w+ by \w+ is not good: its key is not among",
    ),
    "a signature of another commit": (
        lambda t: shutil.copy(t.meta(TWO), t.meta(ONE)),
        rf"{ONE}: the signature of \w+ by \w+ is not good: it is not of this commit",
    ),
    "a signed release with another parent": (
        lambda t: t.move(TWO, t.commit("prod", "--parent=" + t.at(TWO))),
        rf"{TWO}: its parent is \w+, not the release before it",
    ),
    "a commit's object removed": (
        lambda t: t.meta(ONE).with_suffix(".commit").unlink(),
        rf"{ONE}: names \w+, which is missing or only partly there",
    ),
    "a summary of before": (
        lambda t: t.ostree("refs", "--force", f"--create={STABLE}", t.at(TWO)),
        rf"summary of prod: says that {STABLE} is at \w+, but it is at \w+",
    ),
    "no summary": (lambda t: (t.server.prod / "summary").unlink(), "summary of prod: is missing"),
    "an anchor's signature replaced": (
        lambda t: t.spoil_anchor(),
        "anchor 3 of prod: its signature is not good",
    ),
    "an anchor signed with another key": (
        lambda t: t.sign_anchor("dev", head=t.journal.head()),
        "anchor 3 of prod: its signature is not good, or not by a key of prod",
    ),
    "an anchor made anew with the right key": (
        lambda t: t.sign_anchor("prod", head=t.journal.head()),
        r"anchor 3 of prod: is not the one that line \d+ made",
    ),
    "the last anchor removed": (
        lambda t: t.lines(lambda lines: lines[:-1], t.anchors_file),
        r"line \d+: says that anchor 3 of prod was made, but it is not there",
    ),
    "an anchor in the middle removed": (
        lambda t: t.lines(lambda lines: [lines[0], lines[2]], t.anchors_file),
        r"line \d+: says that anchor 2 of prod was made, but it is not there",
    ),
    "all anchors removed": (
        lambda t: t.anchors_file.unlink(),
        r"line \d+: says that anchor 1 .*, and 2 more",
    ),
    "a move with entries but without a check": (
        lambda t: t.promote("stable"),
        r"line \d+: moved stable to 44\.2 .* without a check for this ring as it then stood",
    ),
    "a move on a check of before": (
        lambda t: t.promote("stable", t.checked(tip=t.at(TWO))),
        r"line \d+: moved stable to 44\.2 .* without a check for this ring as it then stood",
    ),
    "a move that nobody approved": (
        lambda t: t.promote("stable", t.checked(GONE)),
        r"line \d+: moved stable to 44\.2 .* did not let it through \(gate diff needs approval: vim is gone",
    ),
    "a move with an approval that had ended": (
        lambda t: t.promote("stable", t.checked(GONE), t.approved(1, GONE["id"])),
        r"line \d+: moved stable to 44\.2 .* the approval by anna has ended",
    ),
    "a move with an approval of something else": (
        lambda t: t.promote("stable", t.checked(GONE), t.approved(2**40, "removed:emacs")),
        r"line \d+: moved stable to 44\.2 .* needs approval: vim is gone",
    ),
}  # fmt: skip


def proven(server: Server) -> tuple[int, Document]:
    """Return the exit status and the answer of `verify`."""
    done = server.call("verify", "--json")
    return done.returncode, json.loads(done.stdout)


class Found(ServerTest):
    def test_every_tampering(self) -> None:
        self.promote_new("44.1")
        self.server.json("promote", "--ring", "stable")
        self.promote_new("44.2")
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"], answer["unanchored"]), (0, [], 0))
        parts = [self.server.prod, self.server.state / "anchors"]
        kept = self.server.top / "kept"
        for part in parts:
            shutil.copytree(part, kept / part.name, symlinks=True)
        journal = (self.server.state / "journal.jsonl").read_bytes()
        for name, (tamper, expected) in TAMPERINGS.items():
            with self.subTest(name):
                tamper(Tamperer(self.server))
                status, answer = proven(self.server)
                found = [f"{each['where']}: {each['line']}" for each in answer.get("findings", ())]
                self.assertTrue(any(re.match(expected, each) for each in found), answer.get("error", found))
                self.assertEqual(status, 1)
            for part in parts:
                shutil.rmtree(part)
                shutil.copytree(kept / part.name, part, symlinks=True)
            (self.server.state / "journal.jsonl").write_bytes(journal)
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"]), (0, []))


class Clean(ServerTest):
    def clean(self, unanchored: int = 0) -> Document:
        """Return the answer of `verify`, which must have found nothing."""
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"], answer["unanchored"]), (0, [], unanchored))
        return answer

    def test_nothing_yet(self) -> None:
        self.clean()
        done = self.server.call("verify")
        self.assertEqual(
            done.stdout.splitlines()[-1], "0 releases proven, 0 findings, 0 entries not yet anchored"
        )

    def test_what_is_proven(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        self.server.json("promote", "--reason", "tested on Monday")
        (release,) = self.clean()["releases"]
        self.assertTrue(release["proven"])
        self.assertEqual(release["build"]["checksum"], build)
        self.assertEqual((release["repositories"], release["packages"]), (["f"], 1))
        journal = self.server.journal()
        (ring,) = release["rings"]
        self.assertEqual(ring["moved"]["reason"], "tested on Monday")
        self.assertEqual(journal[ring["moved"]["line"] - 1]["moves"][0]["ref"], PILOT)
        home = self.server.state / "keys/prod"
        listing = run("gpg", "--homedir", home, "--with-colons", "--list-keys").stdout
        self.assertIn(f":{release['signed_by'][0]}:", listing)
        words = self.server.call("verify")
        self.assertEqual(
            words.stdout.splitlines()[-1], "1 release proven, 0 findings, 0 entries not yet anchored"
        )

    def test_interruptions_repairs_and_torn_lines(self) -> None:
        self.promote_new("44.0")
        moments = [("releasing.publish", "", "set_release", 1),
                   ("repository.writing", ".Transaction", "commit", 2),
                   ("repository.writing", "", "update_summary", 2), ("anchors", "", "_record", 1),
                   ("journal", ".Journal", "append", 3)]  # fmt: skip
        for number, (module, owner, name, nth) in enumerate(moments, start=1):
            self.server.build(f"44.{number}", {"hello": f"{number}-1"})
            hook = KILL.format(module=module, owner=owner, name=name, nth=nth, before=False)
            self.assertEqual(self.server.call("promote", before=hook).returncode, -signal.SIGKILL)
            with (self.server.state / "journal.jsonl").open("ab") as file:
                file.write(b'{"previous": "torn')
            self.server.json("promote")
            self.clean()
        tamperer = Tamperer(self.server)
        tamperer.meta(PILOT).unlink()
        tamperer.ostree("refs", "--delete", f"{HOME}/releases/44.5")
        self.server.json("promote")
        self.clean()

    def test_a_failed_smoke_pull_and_a_candidate(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"hello": "2-1"})
        hook = (
            "from ostree_release.errors import Refused\nfrom ostree_release.releasing import publish\n"
            "def fail(*a):\n    raise Refused('no route')\npublish.smoke_pull = fail"
        )
        self.server.refused("promote", before=hook)
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"]), (0, []))
        self.assertGreater(answer["unanchored"], 0)
        self.server.json("promote")
        self.clean()
        self.server.build("44.3", {"hello": "3-1"})
        self.server.json("stage")
        self.clean(unanchored=2)

    def test_a_build_that_was_too_young_when_it_was_checked(self) -> None:
        self.server.write_config(gates={"soak": {"hours": 1, "clients": 0, "ring_hours": 0}})
        self.server.build("44.1", {"hello": "1-1"})
        self.server.json("stage")
        self.assertEqual(self.server.call("check").returncode, 1)
        later = "from ostree_release import clock\nreal = clock.now\nclock.now = lambda: real() + 7200\n"
        for step in ("sign", "publish"):
            done = self.server.call(step, before=later)
            self.assertEqual(done.returncode, 0, done.stderr)
        (release,) = self.clean()["releases"]
        self.assertEqual(release["rings"][0]["gates"]["soak"], "pass")

    def test_thresholds_that_were_changed_and_changed_back(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"other": "1-1"})
        self.server.json("stage")
        # These trees have no rpm database to read vendors from.
        lenient: Document = {"diff": {"removed": "pass", "vendor": "pass"}}
        strict: Document = {"diff": {"vendor": "pass"}}
        for gates, status in ((lenient, 0), (strict, 1)):
            self.server.write_config(gates=gates)
            self.assertEqual(self.server.call("check").returncode, status)
        self.server.write_config(gates=lenient)
        self.assertEqual(self.server.call("promote").returncode, 0)
        self.clean()

    def test_one_key_takes_over_from_another(self) -> None:
        self.promote_new("44.1")
        (old,) = (key["fingerprint"] for key in self.server.json("keys")["keys"])
        new = self.server.json("keys", "introduce", "new")["key"]
        self.promote_new("44.2")
        self.server.json("keys", "use", new)
        self.server.json("keys", "withdraw", old)
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"]), (0, []))
        self.assertEqual((answer["notes"], answer["unanchored"]), ([], 0), "withdrawing signs the head anew")
        self.assertEqual(self.server.json("promote")["outcome"], "unchanged")
        # What is left if withdrawing is cut off before that: nothing vouches for the journal, and it is said.
        Tamperer(self.server).lines(lambda lines: lines[:-1], self.server.state / "anchors/prod.jsonl")
        Tamperer(self.server).lines(lambda lines: lines[:-1])
        status, answer = proven(self.server)
        self.assertEqual((status, answer["findings"]), (0, []))
        self.assertIn(f"is signed with {old}, withdrawn since", answer["notes"][0])
        self.assertEqual(self.server.json("promote")["repaired"], ["journal's head was not signed"])
        answer = self.clean()
        self.assertEqual(answer["notes"], [])
        self.assertEqual([release["signed_by"] for release in answer["releases"]], [[new], [new]])

    def test_the_timers_result_shows_in_status(self) -> None:
        self.promote_new("44.1")
        self.assertEqual(self.server.call("run-verify").returncode, 0)
        self.assertEqual(self.server.json("status")["verify"]["findings"], [])
        self.assertNotIn("verify found", self.server.call("status").stdout)
        (self.server.prod / "summary").unlink()
        failed = self.server.call("run-verify")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("FINDING: summary of prod: is missing", failed.stdout)
        self.assertIn("verify found 1 problem (", self.server.call("status").stdout)
        self.server.json("promote")
        self.server.call("run-verify")
        self.assertNotIn("verify found", self.server.call("status").stdout)

    def test_a_proof_that_failed_or_is_overdue_shows_in_status(self) -> None:
        later = "from ostree_release import clock\nreal = clock.now\nclock.now = lambda: real() + 3 * 86400\n"
        self.assertEqual(self.server.json("status")["warnings"], [])
        self.assertNotIn(
            "proven", self.server.call("status", before=later).stdout, "nothing is there to prove"
        )
        self.promote_new("44.1")
        self.assertEqual(self.server.json("status")["warnings"], [])
        self.assertIn("WARNING: nothing was ever proven", self.server.call("status", before=later).stdout)
        self.assertEqual(self.server.call("run-verify").returncode, 0)
        self.assertEqual(self.server.json("status")["warnings"], [])
        self.assertIn("WARNING: the last proof is older", self.server.call("status", before=later).stdout)
        broken = (
            "from ostree_release.proof import history\n"
            "def fail(*a):\n    raise ValueError('no idea')\nhistory.read = fail"
        )
        self.assertEqual(self.server.call("run-verify", before=broken).returncode, 1)
        (finding,) = self.server.json("status")["verify"]["findings"]
        self.assertEqual(finding["line"], "failed, so nothing is proven: no idea")
        self.assertIn("verify found 1 problem (", self.server.call("status").stdout)

    def test_it_changes_nothing_and_waits_for_nobody(self) -> None:
        self.promote_new("44.1")
        before = {path: path.stat().st_mtime_ns for path in self.server.top.rglob("*") if path.is_file()}
        hook = (
            "import subprocess\nfrom ostree_release.releasing import publish\n"
            "def look(*a):\n    print(subprocess.run(other, capture_output=True, text=True))\n"
            f"other = {self.server.command('verify')!r}\npublish.smoke_pull = look"
        )
        self.clean()
        after = {path: path.stat().st_mtime_ns for path in self.server.top.rglob("*") if path.is_file()}
        self.assertEqual(after, before)
        self.server.build("44.2", {"hello": "2-1"})
        inside = self.server.call("promote", before=hook)
        self.assertIn("prod is being changed by", inside.stdout)
        self.assertIn("returncode=0", inside.stdout)


if __name__ == "__main__":
    unittest.main()
