"""Composing, with a stand-in for rpm-ostree and for systemd that does what each test says."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from tests.server.support import DEV, Document, ServerTest, run
from tests.server.test_interrupted import KILL

# What the real one does with --print-only and with a compose, as far as this program looks at it.
RPM_OSTREE = """#!/usr/bin/python3
import json, os, pathlib, subprocess, sys
top = pathlib.Path({top!r})
treefile = pathlib.Path(sys.argv[-1])
content = json.loads(treefile.read_text())
if "--print-only" in sys.argv:
    unknown = [key for key in content if key not in ("ref", "packages", "include")]
    if unknown and treefile.suffix == ".yaml":
        print(f"error: Parsing {{treefile}}: Unknown fields: {{', '.join(unknown)}}", file=sys.stderr)
        sys.exit(1)
if "include" in content:
    included = json.loads((treefile.parent / content.pop("include")).read_text())
    content = {{**included, **content}}
if "--print-only" in sys.argv:
    print(json.dumps(content))
    sys.exit(0)
options = dict(o[2:].split("=", 1) for o in sys.argv[3:-1] if "=" in o)
(top / "rpm-ostree.json").write_text(json.dumps([sys.argv[1:], os.umask(0)]))
print("Installing 1 packages:")
print("  hello-1-1.x86_64 (fedora)")
mode = (top / "mode").read_text()
if mode == "fail":
    print("warning: odd", file=sys.stderr)
    print("error: Package 'nosuch' not found", file=sys.stderr)
    sys.exit(1)
if mode == "kill":
    os.kill(os.getpid(), 9)
if mode != "same":
    command = ["ostree", "commit", "--repo=" + options["repo"], "--branch=" + content["ref"], "--no-bindings"]
    version = "--add-metadata-string=" + options["add-metadata-string"]
    subprocess.run([*command, version, str(top / "tree")], check=True)
if mode == "fail-late":
    sys.exit(1)
"""
SYSTEMCTL = """#!/bin/sh
[ "$1" = start ] || exit 0
exec env INVOCATION_ID=i1 {command} > /dev/null 2>&1
"""
NO_RESULT = """#!/bin/sh
case $1 in start) exit 1;; show) printf 'Result={result}\nExecMainStatus=9\n';; esac
"""
TOO_LATE = """#!/bin/sh
case $1 in start) echo '{{"error": "stopped"}}' > {place}; exit 1;; show) echo Result=timeout;; esac
"""
# The journal has the last line only after it was asked to take all there is, and shows what is new.
JOURNALCTL = """#!/bin/sh
case $* in
    --sync) touch {top}/synced;;
    *_SYSTEMD_INVOCATION_ID=i1*--after-cursor=1) ;;
    *_SYSTEMD_INVOCATION_ID=i1*) [ ! -e {top}/synced ] || printf 'the last line of i1\n-- cursor: 1\n';;
    *) exit 1;;
esac
"""


class Compose(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        top = self.server.top
        for folder in ("treefiles", "cache", "bin", "tree", "state/compose/dev"):
            (top / folder).mkdir(parents=True)
        (top / "tree/file").write_text("1")
        self.treefile = top / "treefiles/kinoite-dev.yaml"
        self.treefile.write_text(json.dumps({"ref": DEV, "packages": ["hello"]}))
        self.program("rpm-ostree", RPM_OSTREE.format(top=str(top)))
        self.mode("change")

    def program(self, name: str, content: str) -> None:
        path = self.server.top / "bin" / name
        path.write_text(content)
        path.chmod(0o755)

    def mode(self, mode: str) -> None:
        (self.server.top / "mode").write_text(mode)

    def call(self, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        path = f"{self.server.top}/bin:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "INVOCATION_ID": "i1"}
        return self.server.call(*arguments, "--json", before=before, env=environment)

    def compose(self, request: Document | None = None) -> Document:
        """Run what the unit runs; returns its JSON."""
        if request is not None:
            (self.server.state / "compose/dev/request.json").write_text(json.dumps(request))
        done = self.call("run-compose", "dev")
        document = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(document, dict)
        self.assertEqual("error" in document, done.returncode != 0, done.stderr)
        return document

    def result(self) -> Document:
        content = json.loads((self.server.state / "compose/dev/result.json").read_text())
        assert isinstance(content, dict)
        return content

    def test_a_build(self) -> None:
        leftover = self.server.top / "cache/rpm-ostree-compose.XYZ"
        leftover.mkdir()
        stale = self.server.state / "compose/dev/compose.json"
        stale.touch()
        done = self.compose()
        self.assertEqual((done["outcome"], done["actor"], done["previous"]), ("built", "timer", None))
        self.assertRegex(done["version"], r"^44\.\d{8}\.0$")
        self.assertFalse(leftover.exists() or stale.exists())
        self.assertEqual(done["checksum"], self.server.refs(self.server.dev)[DEV])
        self.assertEqual(self.server.pull(DEV, "dev", "dev"), done["checksum"], "signed, and in the summary")
        self.assertEqual(self.result(), {"invocation": "i1", "result": done})
        arguments, umask = json.loads((self.server.top / "rpm-ostree.json").read_text())
        self.assertEqual(umask, 0o022)
        self.assertIn("--unified-core", arguments)
        self.assertIn(f"--cachedir={self.server.top}/cache", arguments)
        (self.server.top / "tree/file").write_text("2")
        second = self.compose()
        self.assertEqual(second["previous"], done["checksum"])
        self.assertRegex(second["version"], r"\.1$")
        builds = self.server.json("builds")["builds"]
        self.assertEqual([build["version"] for build in builds], [second["version"], done["version"]])
        self.assertTrue(all(build["signed"] for build in builds))
        entry = [entry for entry in self.server.journal() if entry["action"] == "compose"][-1]
        self.assertEqual((entry["event"], entry["moves"][0]["to"]), ("done", second["checksum"]))
        self.assertEqual(list(entry["treefiles"]), ["kinoite-dev.yaml"])

    def test_keeps_where_the_packages_of_a_build_came_from(self) -> None:
        done = self.compose()
        kept = self.server.state / f"origins/dev/{done['checksum']}.json"
        self.assertEqual(json.loads(kept.read_text()), {"hello-1-1.x86_64": "fedora"})
        self.mode("same")
        kept.unlink()
        self.compose()
        self.assertFalse(kept.exists(), "nothing was built")

    def test_no_changes_repairs_signature_and_summary(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"}, sign=None)
        self.mode("same")
        done = self.compose()
        self.assertEqual((done["outcome"], done["version"], done["checksum"]), ("unchanged", "44.1", build))
        self.assertEqual(self.server.pull(DEV, "dev", "dev"), build)

    def test_package_repositories_that_cannot_be_read_do_not_end_a_compose(self) -> None:
        self.mode("change")
        broken = (
            "from ostree_release.composing import kept_with_builds\n"
            "def known(*_): raise PermissionError(13, 'Permission denied', '/somewhere')\n"
            "kept_with_builds._known = known\n"
        )
        done = self.call("run-compose", "dev", "--json", before=broken)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("The advisories of dev could not be kept in", done.stderr)
        self.assertIn("Permission denied", done.stderr)
        self.assertEqual(self.server.pull(DEV, "dev", "dev"), self.server.refs(self.server.dev)[DEV])

    def test_a_folder_that_cannot_be_made_does_not_end_a_compose(self) -> None:
        self.mode("change")
        for kind in ("advisories", "origins"):
            shutil.rmtree(self.server.state / kind, ignore_errors=True)
            (self.server.state / kind).write_text("in the way")
        done = self.call("run-compose", "dev", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("The advisories of dev could not be kept in", done.stderr)
        self.assertTrue(self.server.json("builds", "dev")["builds"][0]["signed"])

    def test_a_compose_that_was_killed_is_completed_by_the_next_one(self) -> None:
        """Also where it said already that it had moved the ref: signed, shown, and tried from then on."""
        self.compose()
        for number, (owner, name, nth) in enumerate(
            [(".Journal", "append", 2), ("", "sign", 1), (".Journal", "append", 3)]
        ):
            with self.subTest(name):
                module = "journal" if owner == ".Journal" else "repository.writing"
                hook = KILL.format(module=module, owner=owner, name=name, nth=nth, before=False)
                (self.server.top / "tree/file").write_text(f"killed {number}")
                self.mode("change")
                told = self.server.pull(DEV, "dev", "dev")
                self.assertEqual(self.call("run-compose", "dev", before=hook).returncode, -signal.SIGKILL)
                build = self.server.refs(self.server.dev)[DEV]
                self.assertEqual(self.server.pull(DEV, "dev", "dev"), told)
                self.assertNotEqual(build, told)
                self.mode("fail")  # the next one completes it, whatever comes of its own
                self.assertIn("exit status 1", self.compose()["error"])
                self.assertEqual(self.server.pull(DEV, "dev", "dev"), build, "signed, and in the summary")
                (shown,) = [each for each in self.server.journal() if each["event"] == "shown"][number:]
                self.assertEqual(shown["moves"], [{"ref": DEV, "from": told, "to": build}])

    def test_what_no_compose_made_is_not_signed_in_passing(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"}, sign=None)
        self.mode("fail")
        self.compose()
        signed = {each["checksum"]: each["signed"] for each in self.server.json("builds")["builds"]}
        self.assertEqual(signed, {build: False})

    def test_the_ref_decides_not_the_exit_status(self) -> None:
        self.mode("fail")
        reason = "compose of dev: rpm-ostree ended with exit status 1: error: Package 'nosuch' not found"
        self.assertEqual(self.compose()["error"], reason)
        self.assertEqual(self.result(), {"invocation": "i1", "error": reason, "status": 1})
        self.assertEqual(self.server.journal()[-1]["event"], "failed")
        self.mode("kill")
        self.assertEqual(self.compose()["error"], "compose of dev: rpm-ostree was killed by SIGKILL")
        self.mode("fail-late")
        self.assertEqual(self.compose()["outcome"], "built")

    def test_a_request(self) -> None:
        done = self.compose({"actor": "anna", "version": "my-1", "time": time.time()})
        self.assertEqual((done["actor"], done["version"]), ("anna", "my-1"))
        (self.server.top / "tree/file").write_text("2")
        again = self.compose({"actor": "anna", "version": "my-1", "time": time.time()})
        self.assertIn("version my-1: dev has a build of that version already", again["error"])
        old = self.compose({"actor": "anna", "version": "my-2", "time": time.time() - 3600})
        self.assertEqual(old["actor"], "timer")

    def test_refusals(self) -> None:
        content = json.loads(self.server.config.read_text())
        self.server.config.write_text(json.dumps({**content, "minimum_free_bytes": 1 << 60}))
        self.assertRegex(self.compose()["error"], r"[\d.]+ GiB free at .*, 1048576.0 TiB are needed")
        self.server.write_config()
        for treefile, words in (
            ({"ref": "other/ref"}, "its ref is 'other/ref', not dev's"),
            ({"ref": DEV, "pakages": []}, "Unknown fields: pakages"),
            ({"ref": DEV, "include": "common.json"}, "Unknown fields: typo"),
        ):
            (self.treefile.parent / "common.json").write_text(json.dumps({"typo": 1}))
            self.treefile.write_text(json.dumps(treefile))
            self.assertIn(words, self.compose()["error"])
        self.assertEqual(self.server.refs(self.server.dev), {})
        self.assertEqual(
            sorted(path.name for path in self.treefile.parent.iterdir()), ["common.json", "kinoite-dev.yaml"]
        )
        self.assertIn("it gets its images by promotion from dev", self.server.refused("run-compose", "prod"))
        self.assertIn("it gets its images by promotion from dev", self.server.refused("compose", "prod"))

    def test_the_local_treefile(self) -> None:
        local = self.treefile.with_name("kinoite-dev.local.yaml")
        local.write_text(json.dumps({"include": "kinoite-dev.yaml", "packages": ["more"]}))
        done = self.compose()
        self.assertEqual(sorted(done["treefiles"]), ["kinoite-dev.local.yaml", "kinoite-dev.yaml"])
        arguments, _ = json.loads((self.server.top / "rpm-ostree.json").read_text())
        self.assertEqual(Path(arguments[-1]), local)

    def test_asking_for_it(self) -> None:
        self.program(
            "systemctl", SYSTEMCTL.format(command=shlex.join(self.server.command("run-compose", "dev")))
        )
        self.program("journalctl", JOURNALCTL.format(top=self.server.top))
        done = self.call("compose", "dev", "--version", "my-1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("the last line of i1"), 1, "nothing lost, nothing twice")
        result = json.loads(done.stdout)
        self.assertEqual((result["outcome"], result["version"]), ("built", "my-1"))
        self.assertEqual(
            result["checksum"], run("ostree", f"--repo={self.server.dev}", "rev-parse", DEV).stdout.strip()
        )
        self.mode("fail")
        (self.server.top / "tree/file").write_text("2")
        failed = self.call("compose", "dev")
        self.assertEqual(failed.returncode, 1)
        reason = json.loads(failed.stdout)["error"]
        self.assertIn("exit status 1: error: Package 'nosuch' not found", reason)
        for result, words in (
            ("", "ended without a result: nothing said"),
            ("oom-kill", "ended without a result: the kernel killed it: this server has too little memory"),
            ("signal", "ended without a result: killed by SIGKILL"),
        ):
            self.program("systemctl", NO_RESULT.format(result=result))
            self.assertIn(words, json.loads(self.call("compose", "dev").stdout)["error"])
        self.program("systemctl", TOO_LATE.format(place=self.server.state / "compose/dev/result.json"))
        self.assertEqual(
            json.loads(self.call("compose", "dev").stdout)["error"],
            "stopped: it took longer than its unit allows (TimeoutStartSec, RuntimeMaxSec)",
        )


if __name__ == "__main__":
    unittest.main()
