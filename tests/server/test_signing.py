"""Signing elsewhere, and one key taking over from another."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import unittest

from tests.server.support import PILOT, Document, ServerTest, opened, run

LAPTOP = "laptop"


class SigningTest(ServerTest):
    """A server and, beside it, the keys of somebody's laptop."""

    def laptop_key(self, name: str = LAPTOP, expires: str = "never", *options: str) -> str:
        """Make a key on the laptop; returns its fingerprint."""
        home = self.server.top / name
        home.mkdir(mode=0o700)
        run(
            *("gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *options),
            *("--quick-gen-key", f"{name}@laptop.test", "ed25519", "sign", expires),
        )
        self.addCleanup(run, "gpgconf", "--homedir", home, "--kill", "gpg-agent", check=False)
        listing = run("gpg", "--homedir", home, "--batch", "--with-colons", "--list-keys").stdout
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))

    def exported(self, name: str = LAPTOP) -> bytes:
        """Return the public part of a laptop's keys."""
        home = str(self.server.top / name)
        return subprocess.run(
            ["gpg", "--homedir", home, "--batch", "--export"], capture_output=True, check=True
        ).stdout

    def signature(self, data: bytes, *options: str, name: str = LAPTOP) -> bytes:
        """Sign on the laptop, as a person would."""
        home = str(self.server.top / name)
        return subprocess.run(
            ["gpg", "--homedir", home, "--batch", "--detach-sign", *options],
            input=data,
            capture_output=True,
            check=True,
        ).stdout

    def attach(self, request: Document, signature: bytes, status: int = 0) -> Document:
        """Send a signature back."""
        done = self.server.call(
            *("sign", "--attach", "--json", "--to", request["environment"]),
            *("--version", request["version"], "--expect", request["checksum"]),
            input=signature,
        )
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        self.assertNotIn("Traceback", done.stderr)
        document: Document = json.loads(done.stdout.splitlines()[-1])
        return document

    def found_signatures(self, checksum: str) -> int:
        """Return how many signatures the ostree program finds on a commit of prod."""
        shown = run("ostree", f"--repo={self.server.prod}", "show", checksum).stdout
        return shown.count("Signature made")


class Offline(SigningTest):
    """prod is signed on a laptop: the server has only the public part of the key."""

    def setUp(self) -> None:
        super().setUp()
        self.fingerprint = self.laptop_key()
        shutil.rmtree(self.server.state / "keys/prod")
        (self.server.top / "base/keys/prod.gpg").write_bytes(self.exported())
        self.server.edit_environment("prod", signing="offline")

    def staged(self, version: str = "44.1") -> Document:
        """Stage a build and ask for what is to be signed."""
        self.server.build(version, {"hello": f"{version}-1"})
        self.server.json("stage")
        self.server.json("check")
        return self.server.json("sign", "--request")

    def test_nothing_moves_without_the_signature_and_all_of_it_with_it(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        for subcommand in ("promote", "sign", "promote"):
            line = self.server.refused(subcommand)
            self.assertIn("not signed yet: 44.1", line)
            self.assertIn(f"{self.fingerprint}, which is not on this server", line)
            self.assertIn("promote.py -y --data sign=laptop", line)
        self.assertIn("sign it first", self.server.refused("publish"))
        self.assertNotIn(PILOT, self.server.refs())
        request = self.server.json("sign", "--request")
        data = base64.b64decode(request["commit"])
        self.assertEqual(hashlib.sha256(data).hexdigest(), request["checksum"])
        self.assertEqual(hashlib.sha256(base64.b64decode(request["build_commit"])).hexdigest(), build)
        stored = self.server.prod / f"objects/{request['checksum'][:2]}/{request['checksum'][2:]}.commit"
        self.assertEqual(data, stored.read_bytes())
        self.assertEqual((request["serial"], request["build"], request["signatures"]), (1, build, []))
        self.assertEqual((request["key"], request["keys"]), (self.fingerprint, [self.fingerprint]))
        attached = self.attach(request, self.signature(data))
        self.assertEqual((attached["outcome"], attached["key"]), ("signed", self.fingerprint))
        entry = self.server.journal()[-1]
        self.assertEqual(
            [entry[key] for key in ("event", "key", "checksum")],
            ["signed", self.fingerprint, request["checksum"]],
        )
        again = self.attach(request, self.signature(data, "--armor"))
        self.assertEqual(again["outcome"], "unchanged")
        self.assertEqual(self.found_signatures(request["checksum"]), 1)
        self.assertEqual(self.server.json("promote")["release"]["checksum"], request["checksum"])
        self.assertEqual(self.server.pull(PILOT), request["checksum"])
        self.assertEqual(self.server.json("promote", "--ring", "stable")["outcome"], "promoted")
        secret = {path.name for path in (self.server.top / LAPTOP).glob("private-keys-v1.d/*")}
        self.assertEqual(len(secret), 1)
        self.assertEqual([path for path in self.server.state.rglob("*.key") if path.name in secret], [])
        words = self.server.call("sign", "--request", "--version", "44.1").stdout
        self.assertIn(f"signed by {self.fingerprint}", words)

    def test_nothing_is_handed_out_or_taken_without_its_gates(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.server.json("stage")
        self.assertIn("not checked", self.server.refused("sign", "--request"))
        self.server.json("check")
        request = self.server.json("sign", "--request")
        signature = self.signature(base64.b64decode(request["commit"]))
        self.server.json("hold", "44.1", "--reason", "broken")
        self.assertIn("held", self.attach(request, signature, status=1)["error"])

    def test_a_release_that_is_held_gets_no_further_signature(self) -> None:
        request = self.staged()
        self.attach(request, self.signature(base64.b64decode(request["commit"])))
        self.server.json("promote")
        self.server.json("hold", "44.1", "--reason", "broken")
        self.assertIn("44.1 is held", self.server.refused("sign", "--request", "--version", "44.1"))
        again = self.signature(base64.b64decode(request["commit"]))
        self.assertIn("44.1 is held", self.attach(request, again, status=1)["error"])

    def test_what_is_not_the_right_signature_changes_nothing(self) -> None:
        request = self.staged()
        data = base64.b64decode(request["commit"])
        right = self.signature(data)
        self.laptop_key("other")
        self.laptop_key("old", "seconds=1", "--faked-system-time", "20250101T000000")
        old = self.signature(data, "--faked-system-time", "20250101T000000", name="old")
        both = (self.server.top / "base/keys/prod.gpg").read_bytes() + self.exported("old")
        (self.server.top / "base/keys/prod.gpg").write_bytes(both)
        record = self.server.state / "trusted/prod.in-use"
        record.parent.mkdir()
        record.write_text(self.fingerprint)
        for signature, words in (
            (b"", "nothing came on standard input"),
            (b"no signature at all", "is no signature"),
            (
                b"-----BEGIN PGP SIGNATURE-----\n\nbm9uc2Vuc2U=\n-----END PGP SIGNATURE-----\n",
                "is no signature",
            ),
            (right * 2, "one signature is wanted, 2 came"),
            (b"\0" * 20000, "longer than 16384 bytes"),
            (self.signature(data + b"!"), "it is not of this commit"),
            (self.signature(data, name="other"), "not among those that clients trust"),
            (old, "its key has expired"),
        ):
            with self.subTest(words):
                self.assertIn(words, self.attach(request, signature, status=1)["error"])
        wrong = {**request, "checksum": "0" * 64}
        self.assertIn("sign anew", self.attach(wrong, right, status=1)["error"])
        self.assertIn(
            "has no such candidate", self.attach({**request, "version": "9"}, right, status=1)["error"]
        )
        self.assertIn("give --version", self.server.refused("sign", "--attach"))
        self.assertEqual(self.server.json("sign", "--request")["signatures"], [])
        self.attach(request, right)

    def test_staged_again_meanwhile(self) -> None:
        request = self.staged()
        candidate = f"{PILOT.rpartition('/')[0]}/candidate/44.1"
        opened(self.server.prod).set_ref_immediate(None, candidate, None, None)
        hook = "from ostree_release.releasing import stage\nstage.release_timestamp = lambda n: 2000000000\n"
        self.assertEqual(self.server.call("stage", before=hook).returncode, 0)
        self.server.json("check")
        signature = self.signature(base64.b64decode(request["commit"]))
        self.assertIn("sign anew", self.attach(request, signature, status=1)["error"])
        self.assertIn("not signed yet", self.server.refused("promote"))

    def test_a_key_of_the_server_cannot_stand_in(self) -> None:
        """Also not when somebody brings the environment's GNUPGHOME back."""
        home = self.server.state / "keys/prod"
        shutil.copytree(self.server.top / LAPTOP, home, ignore=shutil.ignore_patterns("S.*"))
        self.server.build("44.1", {"hello": "1-1"})
        self.assertIn("not signed yet", self.server.refused("promote"))


class Rotation(SigningTest):
    def findings(self) -> list[Document]:
        """Return what `verify` finds wrong with the history, which names both keys."""
        document = json.loads(self.server.call("verify", "--json").stdout.splitlines()[-1])
        found: list[Document] = document["findings"]
        return found

    def keys(self) -> dict[str, Document]:
        """Return what is said of each key, by its fingerprint."""
        return {key["fingerprint"]: key for key in self.server.json("keys")["keys"]}

    def keep_public(self, name: str) -> None:
        """Keep what clients are given now, for a client that misses what comes."""
        keys = self.server.top / "base/keys"
        shutil.copy(keys / "prod.gpg", keys / f"{name}.gpg")

    def test_one_key_of_the_server_takes_over_from_another(self) -> None:
        for version in ("44.1", "44.2"):
            self.promote_new(version)
        self.server.json("promote", "--ring", "stable")
        before = self.server.refs()
        (old,) = self.keys()
        self.keep_public("old")
        new = self.server.json("keys", "introduce", "new")["key"]
        self.assertEqual(set(self.keys()), {old, new})
        self.assertEqual(self.keys()[new]["unsigned"], ["44.1", "44.2"])
        self.promote_new("44.3")
        self.assertEqual(self.server.pull(PILOT, key="old"), self.server.refs()[PILOT], "old still in use")
        self.assertIn("is in use in prod", self.server.refused("keys", "withdraw", old))
        used = self.server.json("keys", "use", new)
        self.assertEqual((used["outcome"], used["signed"]), ("used", ["44.1", "44.2"]))
        self.assertEqual(self.server.json("keys", "use", new)["outcome"], "unchanged")
        self.promote_new("44.4")
        after = self.server.refs()
        self.assertEqual({ref: after[ref] for ref in before if "/releases/" in ref},
                         {ref: commit for ref, commit in before.items() if "/releases/" in ref})  # fmt: skip
        self.assertEqual(self.found_signatures(after[PILOT]), 2)
        self.assertEqual(self.server.pull(PILOT, key="old"), after[PILOT], "a client that missed it goes on")
        withdrawn = self.server.json("keys", "withdraw", old)
        self.assertEqual((withdrawn["outcome"], withdrawn["keys"]), ("withdrawn", [new]))
        self.assertEqual(self.server.json("keys", "withdraw", old)["outcome"], "unchanged")
        for ref, checksum in after.items():
            if "/releases/" in ref or ref == PILOT:
                self.assertEqual(
                    self.server.pull(ref), checksum, "signed with the new key alone for this client"
                )
        self.promote_new("44.5")
        with self.assertRaisesRegex(AssertionError, "public key not found"):
            self.server.pull(PILOT, key="old")
        home = self.server.state / "keys/prod"
        listing = run("gpg", "--homedir", home, "--batch", "--with-colons", "--list-secret-keys").stdout
        self.assertNotIn(old, listing)
        actions = [entry["action"] for entry in self.server.journal() if entry["event"] == "key"]
        self.assertEqual(actions, ["keys introduce", "keys use", "keys withdraw"])
        self.assertEqual(self.findings(), [])

    def test_from_a_key_here_to_one_on_a_laptop(self) -> None:
        self.promote_new("44.1")
        (old,) = self.keys()
        laptop = self.laptop_key()
        done = self.server.call("keys", "introduce", "-", "--json", input=self.exported())
        self.assertEqual(json.loads(done.stdout)["key"], laptop, done.stderr)
        self.assertIn("has not signed 44.1 of prod yet", self.server.refused("keys", "use", laptop))
        request = self.server.json("sign", "--request", "--version", "44.1")
        self.attach(request, self.signature(base64.b64decode(request["commit"])))
        self.assertEqual(self.server.json("keys", "use", laptop)["signed"], [])
        self.server.build("44.2", {"hello": "2-1"})
        for step in ("stage", "check"):
            self.server.json(step)
        self.assertIn(f"by {laptop}, which is not on this server", self.server.refused("sign"))
        self.server.json("keys", "withdraw", old)
        self.assertEqual(list((self.server.state / "keys/prod/private-keys-v1.d").glob("*.key")), [])
        self.server.edit_environment("prod", signing="offline")
        self.assertEqual(self.findings(), [])

    def test_what_is_no_key_to_introduce(self) -> None:
        self.laptop_key()
        self.laptop_key("old", "seconds=1", "--faked-system-time", "20250101T000000")
        secret = subprocess.run(
            ["gpg", "--homedir", str(self.server.top / LAPTOP), "--batch", "--export-secret-keys"],
            capture_output=True,
            check=True,
        ).stdout
        self.server.edit_environment("prod", signing="offline")
        for data, words in (
            (b"", "an exported key is wanted"),
            (b"no key", "gpg"),
            (secret, "a secret key came: keep it"),
            (self.exported() + self.exported("old"), "one key is wanted, 2 came"),
            (self.exported("old"), "has expired"),
        ):
            with self.subTest(words):
                done = self.server.call("keys", "introduce", "-", input=data)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(words, done.stderr)
                self.assertNotIn("Traceback", done.stderr)
        self.assertIn("signed offline", self.server.refused("keys", "introduce", "new"))
        self.assertEqual(len(self.keys()), 1)
        self.assertIn("introduce it first", self.server.refused("keys", "use", "AB"))


class Owner(SigningTest):
    def test_root_changes_what_is_trusted_and_signs_as_the_owner(self) -> None:
        if os.geteuid():
            self.skipTest("only root can hand prod to another user")
        account = pwd.getpwnam("nobody")
        (self.server.state / "sbom/prod").mkdir(parents=True, exist_ok=True)
        owned = [self.server.prod, *self.server.state.iterdir(), *self.server.run.iterdir()]
        for top in owned:
            for each in (top, *top.rglob("*")):
                os.chown(each, account.pw_uid, account.pw_gid)
        self.server.edit_environment("prod", owner=account.pw_name)
        self.server.build("44.1", {"hello": "1-1"})
        as_owner: Document = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        promoted = self.server.start("promote", **as_owner)
        self.assertEqual(promoted.returncode, 0, promoted.stderr)
        own = self.server.start("keys", "introduce", "new", **as_owner)
        self.assertEqual(own.returncode, 1)
        self.assertIn("Permission denied", own.stderr)
        (old,) = [key["fingerprint"] for key in self.server.json("keys")["keys"]]
        new = self.server.json("keys", "introduce", "new")["key"]
        self.assertEqual(self.server.json("keys", "use", new)["signed"], ["44.1"])
        self.server.json("keys", "withdraw", old)
        self.assertEqual(self.server.pull(PILOT), self.server.refs()[PILOT])
        home = self.server.state / "keys/prod"
        found = (each for top in (self.server.prod, home) for each in top.rglob("*"))
        wrong = [each for each in found if each.lstat().st_uid != account.pw_uid]
        self.assertEqual(wrong, [])
        trusted = self.server.state / "trusted"
        for path in (trusted, *trusted.iterdir(), self.server.top / "base/keys/prod.gpg"):
            self.assertEqual(path.stat().st_uid, 0, path)
            self.assertEqual(path.stat().st_mode & 0o022, 0, path)
        again = self.server.start("promote", **as_owner)
        self.assertEqual(again.returncode, 0, again.stderr)
        shutil.rmtree(home)  # lost, and there is no backup
        another = self.server.json("keys", "introduce", "new")["key"]
        self.assertEqual((home.stat().st_uid, home.stat().st_mode & 0o777), (account.pw_uid, 0o700))
        self.assertEqual(self.server.json("keys", "use", another)["signed"], ["44.1"])


class Expiry(SigningTest):
    def test_what_expires_soon_is_said_by_status(self) -> None:
        self.assertEqual(self.server.json("status")["warnings"], [])
        self.server.write_config(certificate=str(self.server.top / "tls/server.crt"))
        soon, later = self.laptop_key("soon", "10d"), self.laptop_key("later", "60d")
        old = self.laptop_key("old", "seconds=1", "--faked-system-time", "20250101T000000")
        published = self.server.top / "base/keys/prod.gpg"
        published.write_bytes(b"".join(map(self.exported, ("soon", "later", "old"))))
        record = self.server.state / "trusted/prod.in-use"
        record.parent.mkdir()
        record.write_text(later)
        found = self.server.json("status")["warnings"]
        self.assertEqual(len(found), 3, found)
        self.assertRegex(found[0], rf"^key {soon} of prod expires in (9|10) days")
        self.assertIn(f"key {old} of prod HAS EXPIRED", found[1])
        self.assertRegex(found[2], r"tls/server.crt expires in [12] days?: clients cannot connect then")
        self.assertIn("WARNING: certificate", self.server.call("status").stdout)


if __name__ == "__main__":
    unittest.main()
