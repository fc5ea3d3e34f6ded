"""Users and groups keep their numbers: the all-time list, with a stand-in that numbers as rpm-ostree does."""

from __future__ import annotations

import json
import os
import subprocess
import unittest
from collections.abc import Mapping
from pathlib import Path

from tests.server.support import DEV, Document, File, ServerTest, opened

# Whoever is not in the files it is handed gets the highest free number, in the order of names. The files are
# input: without a change of anything else it says so, as the real one does.
RPM_OSTREE = """#!/usr/bin/python3
import hashlib, json, pathlib, subprocess, sys
top = pathlib.Path({top!r})

def load(path):
    content = json.loads(path.read_text())
    if "include" in content:
        content = {{**load(path.parent / content.pop("include")), **content}}
    return content

tree = load(pathlib.Path(sys.argv[-1]))
if "--print-only" in sys.argv:
    print(json.dumps(tree))
    sys.exit(0)
with (top / "treefiles.jsonl").open("a") as file:
    print(json.dumps([sys.argv[-1], "--dry-run" in sys.argv, tree]), file=file)
wanted = json.loads((top / "users.json").read_text())
files = [pathlib.Path(tree[key]["filename"]).read_text()
         for key in ("check-passwd", "check-groups") if tree.get(key, {{}}).get("type") == "file"]
inputs = hashlib.sha256(json.dumps([tree, wanted, files], sort_keys=True).encode()).hexdigest()
known = top / "inputs"
if known.exists() and known.read_text() == inputs:
    print("No apparent changes since previous commit; use --force-nocache to override")
    sys.exit(0)
if "--dry-run" in sys.argv:
    print("--dry-run complete; exiting")
    sys.exit(0)
if (top / "fail").exists():
    sys.exit("error: no package matches")
passwd, group = files or ("root:x:0:0:root:/root:/bin/bash\\n", "root:x:0:\\n")
for name, number in sorted(wanted.items()):
    if any(line.startswith(name + ":") for line in passwd.splitlines()):
        continue
    taken = {{line.split(":")[2] for line in passwd.splitlines()}}
    number = number or next(each for each in range(999, 900, -1) if str(each) not in taken)
    passwd += f"{{name}}:x:{{number}}:{{number}}::/:/usr/sbin/nologin\\n"
    group += f"{{name}}:x:{{number}}:\\n"
root = top / "composed"
for path, text in (("usr/etc/passwd", passwd.partition("\\n")[0]), ("usr/lib/passwd", passwd),
                   ("usr/etc/group", group.partition("\\n")[0]), ("usr/lib/group", group)):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
(root / "usr/inputs").write_text(inputs)
options = dict(o[2:].split("=", 1) for o in sys.argv[3:-1] if "=" in o)
command = ["ostree", "commit", "--repo=" + options["repo"], "--branch=" + tree["ref"], "--no-bindings"]
subprocess.run([*command, "--add-metadata-string=" + options["add-metadata-string"], str(root)], check=True)
known.write_text(inputs)
"""
ROOT = "root:x:0:0:root:/root:/bin/bash\nroot:x:0:\n"
# Killed between the ref's move and the list.
KILLED = """
import os
from ostree_release.composing import account_numbers
account_numbers.remember = lambda *_: os._exit(9)
"""


class Accounts(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        top = self.server.top
        for folder in ("treefiles", "cache", "bin", "state/compose/dev", "state/accounts/dev"):
            (top / folder).mkdir(parents=True)
        self.treefile = top / "treefiles/kinoite-dev.yaml"
        self.treefile.write_text(json.dumps({"ref": DEV, "packages": ["hello"]}))
        program = top / "bin/rpm-ostree"
        program.write_text(RPM_OSTREE.format(top=str(top)))
        program.chmod(0o755)
        self.list = self.server.state / "accounts/dev"
        self.seed = self.server.state / "accounts/seed"
        self.said = ""

    def run_compose(
        self, users: Mapping[str, int | None], before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        (self.server.top / "users.json").write_text(json.dumps(users))
        environment = {**os.environ, "PATH": f"{self.server.top}/bin:{os.environ['PATH']}"}
        done = self.server.call("run-compose", "dev", "--json", before=before, env=environment)
        self.said = done.stderr
        return done

    def compose(self, *names: str, **fixed: int) -> Document:
        """Compose an image whose packages add these users, with whichever number is free or a fixed one."""
        done = self.run_compose({**dict.fromkeys(names), **fixed})
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(document, dict)
        return document

    def refused(self, *names: str) -> str:
        done = self.run_compose(dict.fromkeys(names))
        self.assertEqual(done.returncode, 1, done.stderr)
        return str(json.loads(done.stdout.splitlines()[-1])["error"])

    def numbers(self) -> dict[str, int]:
        """Return name -> number of the newest build's users, read by libostree."""
        repo = opened(self.server.dev)
        content = (
            repo.read_commit(DEV, None)[1].resolve_relative_path("usr/lib/passwd").load_contents(None)[1]
        )
        return {line.split(":")[0]: int(line.split(":")[2]) for line in content.decode().splitlines()}

    def calls(self) -> list[tuple[str, bool, Document]]:
        """Return the calls of rpm-ostree since the last time: treefile, --dry-run, keys with the includes."""
        path = self.server.top / "treefiles.jsonl"
        found = [tuple(json.loads(line)) for line in path.read_text().splitlines()]
        path.unlink()
        return found

    def test_five_builds_keep_every_number_and_serve_none_twice(self) -> None:
        self.compose("base")
        ever: dict[str, int] = {}
        for names in (
            ("base", "m"),
            ("base", "b", "m"),
            ("base", "b"),
            ("base", "b", "c"),
            ("base", "b", "c", "m"),
        ):
            done = self.compose(*names)
            self.assertEqual(done["outcome"], "built")
            now = self.numbers()
            for name in names:
                self.assertEqual(ever.setdefault(name, now[name]), now[name], name)
            self.assertEqual(len(set(now.values())), len(now))
        self.assertEqual(len(set(ever.values())), len(ever), "a number was given to another name later")
        self.assertEqual(done["accounts"], [], "m was known")
        passwd, group = ((self.list / name).read_text() for name in ("passwd", "group"))
        self.assertEqual(
            [line.split(":")[0] for line in passwd.splitlines()], ["root", "base", "m", "b", "c"]
        )
        self.assertEqual([line.split(":")[0] for line in group.splitlines()], ["root", "base", "m", "b", "c"])
        self.assertEqual((self.list / "passwd").stat().st_mode & 0o777, 0o644)

    def test_who_is_new_is_said_and_in_the_result(self) -> None:
        first = self.compose("a")
        self.assertIn("Remembered from now on: 4 users and groups", self.said)
        self.assertEqual(len(first["accounts"]), 4)
        done = self.compose("a", "b")
        self.assertIn("new user b (998): remembered\nnew group b (998): remembered\n", self.said)
        self.assertEqual(
            done["accounts"],
            [{"kind": kind, "name": "b", "number": 998} for kind in ("user", "group")],
        )

    def test_rpm_ostree_gets_the_list_and_the_journal_its_hashes(self) -> None:
        first = self.compose("a")
        self.assertEqual(list(first["treefiles"]), ["kinoite-dev.yaml"], "there was no list to compose with")
        ((path, _, tree),) = self.calls()
        self.assertEqual((path, sorted(tree)), (str(self.treefile), ["packages", "ref"]))
        second = self.compose("a", "b")
        self.assertEqual(sorted(second["treefiles"]), ["group", "kinoite-dev.yaml", "passwd"])
        path, _, tree = self.calls()[-1]
        self.assertEqual(Path(path).parent, self.treefile.parent, "package repositories lie beside it")
        self.assertFalse(Path(path).exists())
        self.assertEqual(
            {key: tree[key] for key in tree if key not in ("ref", "packages")},
            {
                "check-passwd": {"type": "file", "filename": f"{self.list}/handed/passwd"},
                "check-groups": {"type": "file", "filename": f"{self.list}/handed/group"},
                "preserve-passwd": True,
                "ignore-removed-users": ["root"],
                "ignore-removed-groups": ["root"],
            },
        )
        third = self.compose("a", "b", "c")
        self.assertNotEqual(third["treefiles"]["passwd"], second["treefiles"]["passwd"])

    def test_a_list_that_has_grown_by_a_build_is_no_reason_for_another(self) -> None:
        built = self.compose("a")
        self.assertEqual(self.compose("a")["outcome"], "unchanged")
        self.assertEqual([dry for _, dry, _ in self.calls()], [False, True])
        again = self.compose("a", "b")
        self.assertEqual(again["previous"], built["checksum"])
        self.assertEqual(self.compose("a", "b")["outcome"], "unchanged")
        self.seed.write_text(f"{ROOT}later:x:50:50::/:/bin/sh\nlater:x:50:\n")
        self.assertEqual(self.compose("a", "b")["outcome"], "built", "a seed is another matter")
        self.assertEqual(self.numbers()["later"], 50)

    def test_a_compose_that_fails_remembers_nobody(self) -> None:
        self.compose("a")
        before = (self.list / "passwd").read_bytes()
        (self.server.top / "fail").touch()
        self.assertIn("exit status 1", self.refused("a", "b"))
        (self.server.top / "fail").unlink()
        self.assertEqual((self.list / "passwd").read_bytes(), before)
        self.assertEqual(self.compose("a")["outcome"], "unchanged")

    def test_killed_after_the_ref_has_moved_it_is_caught_up(self) -> None:
        self.compose("m")
        done = self.run_compose(dict.fromkeys(("b", "m")), before=KILLED)
        self.assertEqual(done.returncode, 9)
        numbers = self.numbers()
        self.assertNotIn("\nb:", (self.list / "passwd").read_text())
        self.compose("a", "m")  # without b, and with one that sorts before
        self.assertIn(f"new user b ({numbers['b']}): remembered", self.said)
        self.assertEqual(self.numbers()["b"], numbers["b"], "b was served: its number is taken for ever")
        self.assertNotEqual(self.numbers()["a"], numbers["b"])

    def test_builds_and_releases_of_before_there_were_lists_are_read(self) -> None:
        def files(**users: int) -> dict[str, File]:
            passwd = "".join(f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in users.items())
            group = "".join(f"{name}:x:{number}:\n" for name, number in users.items())
            texts = {"passwd": passwd, "group": group}
            return {f"/usr/lib/{name}": File(text.encode()) for name, text in texts.items()}

        self.server.build("44.1", {"hello": "1-1"}, files=files(root=0, gone=999, moved=998, old=997))
        self.server.json("promote")
        self.server.build("44.2", {"hello": "2-1"}, files=files(root=0, moved=996, new=998))
        parent = opened(self.server.dev).resolve_rev(f"{DEV}^", False)[1]
        (self.server.dev / f"objects/{parent[:2]}/{parent[2:]}.commit").unlink()  # only prod has kept it
        self.compose("new", "zed")
        self.assertIn("Remembered from now on: 10 users and groups", self.said)
        # What clients run next counts, and then what they ran: who moved has the newest number.
        self.assertIn(
            "Not remembered, from an earlier build: user moved (998): it has 996 already", self.said
        )
        numbers = self.numbers()
        self.assertEqual(
            {name: numbers[name] for name in ("gone", "moved", "old", "new")},
            {"gone": 999, "moved": 996, "old": 997, "new": 998},
        )
        self.assertEqual(numbers["zed"], 995)

    def test_a_seed_is_what_the_first_build_begins_with(self) -> None:
        self.seed.write_text(
            f"{ROOT}b:x:300:301::/:/bin/sh\nb:x:301:\nfree:x:999:999::/:/bin/sh\nfree:x:999:\n"
        )
        self.compose("a", "b")
        numbers = self.numbers()
        self.assertEqual((numbers["b"], numbers["free"], numbers["a"]), (300, 999, 998))
        self.seed.unlink()
        self.compose("a", "b", "c")
        self.assertEqual(self.numbers()["c"], 997, "the list has the seed for ever")

    def test_a_seed_that_contradicts_is_refused_and_nothing_changes(self) -> None:
        self.compose("a", "b")
        self.compose("a", "b", "c")  # handed once
        before = {path: path.read_bytes() for path in sorted(self.list.rglob("*")) if path.is_file()}
        refs = self.server.refs(self.server.dev)
        for lines, words in (
            ("a:x:300:300::/:/bin/sh", "user a (300): it has 999 already"),
            ("other:x:998:998::/:/bin/sh", "user other (998): 998 is the number of user b"),
            ("other:x:998:", "group other (998): 998 is the number of group b"),
            ("other:x:99a:", "line 3: '99a' is no number"),
        ):
            self.seed.write_text(f"{ROOT}{lines}\n")
            error = self.refused("a", "b", "c", "d")
            self.assertIn(words, error)
            self.assertIn("ostree_accounts_file", error)
            self.assertEqual(self.server.refs(self.server.dev), refs)
            self.assertEqual(
                {path: path.read_bytes() for path in sorted(self.list.rglob("*")) if path.is_file()}, before
            )

    def test_a_treefile_that_goes_its_own_way_is_named(self) -> None:
        self.compose("m")
        own = {"include": "kinoite-dev.yaml", "check-passwd": {"type": "none"}, "preserve-passwd": False}
        local = self.treefile.with_name("kinoite-dev.local.yaml")
        local.write_text(json.dumps(own))
        done = self.compose("b", "m")
        self.assertIn(f"{local} has check-passwd, preserve-passwd, so the list", self.said)
        self.assertIn("numbers may move", self.said)
        self.assertNotIn("passwd", done["treefiles"])
        self.assertEqual(self.numbers()["b"], 999, "it moved")
        self.assertIn("Not remembered, of this build: user b (999): 999 is the number of user m", self.said)
        local.unlink()
        self.compose("b", "m")
        self.assertEqual(self.numbers()["m"], 999, "the list has not forgotten")


if __name__ == "__main__":
    unittest.main()
