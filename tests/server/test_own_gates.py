"""The user's own gates: what each is told, what it may answer, and that nothing of it is left."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
import unittest
from pathlib import Path
from typing import Any

from tests.server import own_gates
from tests.server.support import Document, ServerTest, run

# What a person reads, and the gate that earns it.
BROKEN = (
    ("did not end within 2 seconds", "echo began; exec sleep 600"),
    ("did not end within 2 seconds", "exec >&- 2>&-; sleep 600"),
    ("did not end within 2 seconds", "while :; do echo x; sleep 0.05; done"),
    ("printed more than 1 MB", "head -c 104857600 /dev/zero | tr '\\0' x; echo; echo fine"),
    ("was ended by signal 9 (Killed)", "kill -9 $$"),
    ("its sandbox ended without a result", "kill -9 $PPID; sleep 600"),
    (
        "said nothing and ended with exit status 7",
        """echo '{"run": "0", "status": 0}' > "${OSTREE_RELEASE_DIFF%/*}"/result; exit 7""",
    ),
)


def named(gate: str, answer: str, line: str) -> tuple[str, str, str]:
    """Return the finding of a gate: its id, answer and line."""
    said = hashlib.sha256(f"{answer}\n{line}".encode()).hexdigest()[:16]
    return f"own:{gate}:{said}", answer, f"{gate}: {line}"


class OwnGates(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        own_gates.prepare(self.server)
        self.stage("44.1", hello="1-1", old="1-1")

    def stage(self, version: str, **packages: str) -> None:
        self.build = self.server.build(version, packages)
        self.candidate: Document = self.server.json("stage")["release"]

    def gate(self, name: str, script: str) -> Path:
        return own_gates.gate(self.server, name, script)

    def judge(self, **more: Any) -> Any:
        return own_gates.judge(self.server, self.candidate["checksum"], **more)

    def left(self) -> list[str]:
        """Return what there is of runs and checkouts, beside their locks."""
        folders = (self.server.run / "gates", self.server.state / "gates/checkouts")
        return [str(path) for folder in folders for path in folder.iterdir() if path.name != "lock"]

    def test_every_exit_status_and_the_order(self) -> None:
        self.assertEqual(self.judge(), ["pass", "no gates of your own", [], {}])
        output = self.server.state / "gates/output"
        for place in ("prod", "staging"):
            (output / place / ("0" * 64)).mkdir(parents=True)
        for status, name in enumerate(("20-b", "10-a", "30-c", "40-d", "50-e")):
            self.gate(name, f"echo of no interest; echo said {name}; echo; exit {status}")
        self.gate("60-odd", "printf 'a\\033[31mb\\377\\n'; exit 3")
        answer, _, findings, data = self.judge()
        self.assertEqual(answer, "fail")
        self.assertEqual(
            [(each["id"], each["answer"], each["line"]) for each in findings],
            [
                named("10-a", "fail", "said 10-a"),
                named("30-c", "fail", "said 30-c"),
                named("40-d", "warn", "said 40-d"),
                named("50-e", "needs-approval", "said 50-e"),
                named("60-odd", "warn", "a [31mb\ufffd"),
            ],
        )
        names = ["10-a", "20-b", "30-c", "40-d", "50-e", "60-odd"]
        self.assertEqual([each["name"] for each in data["gates"]], names)
        kept = Path(data["gates"][1]["output"])
        self.assertEqual(kept.read_text(), "of no interest\nsaid 20-b\n\n")
        folders = sorted(str(path.relative_to(output)) for path in output.glob("*/*"))
        left = [f"prod/{self.candidate['checksum']}", f"staging/{'0' * 64}"]
        self.assertEqual(folders, left, "output about a commit that is gone; another environment's")
        self.assertEqual(self.left(), [])

    def test_what_a_gate_is_told(self) -> None:
        tip = self.server.json("promote")["release"]
        self.stage("44.2", hello="2-1")
        self.gate("10-tell", 'env; echo ==; cat "$OSTREE_RELEASE_DIFF"; echo; echo ==; pwd')
        kept = Path(self.judge()[3]["gates"][0]["output"]).read_text()
        variables, difference, place = kept.split("==\n")
        told = dict(line.split("=", 1) for line in variables.splitlines())
        path = told.pop("OSTREE_RELEASE_DIFF")
        self.assertTrue(path.startswith(str(self.server.run / "gates/")), path)
        shown = run("ostree", f"--repo={self.server.prod}", "show", self.candidate["checksum"]).stdout
        content = next(line.split()[1] for line in shown.splitlines() if "ContentChecksum" in line)
        self.assertEqual(
            {name: value for name, value in told.items() if name not in ("PWD", "SHLVL", "_", "OLDPWD")},
            {
                "OSTREE_RELEASE_ENVIRONMENT": "prod",
                "OSTREE_RELEASE_VERSION": "44.2",
                "OSTREE_RELEASE_CANDIDATE": self.candidate["checksum"],
                "OSTREE_RELEASE_BUILD": self.build,
                "OSTREE_RELEASE_CONTENT": content,
                "OSTREE_RELEASE_RING": "pilot",
                "OSTREE_RELEASE_TIP": tip["checksum"],
                "OSTREE_RELEASE_REPOSITORY": str(self.server.prod),
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "HOME": "/tmp",
                "TMPDIR": "/tmp",
            },
        )
        document = json.loads(difference)
        self.assertEqual(document["from"], {"version": "44.1", "checksum": tip["checksum"]})
        self.assertEqual([each["name"] for each in document["packages"]["removed"]], ["old"])
        self.assertEqual([each["name"] for each in document["packages"]["upgraded"]], ["hello"])
        self.assertEqual(document["privileges"], [])
        self.assertGreater(document["size"]["old"], document["size"]["new"])
        self.assertEqual(place, "/\n")

    def test_a_checkout_where_it_is_asked_for_and_only_there(self) -> None:
        self.gate("10-plain", 'test -z "${OSTREE_RELEASE_CHECKOUT+x}"')
        self.gate("20-look", '# ostree-release: checkout\ncat "$OSTREE_RELEASE_CHECKOUT/usr/share/hello"')
        self.gate("30-late", ':\n# ostree-release: checkout\ntest -z "${OSTREE_RELEASE_CHECKOUT+x}"')
        answer, line, _, data = self.judge()
        self.assertEqual((answer, line), ("pass", "3 of your own passed"))
        self.assertFalse((self.server.prod / "uncompressed-objects-cache").exists())
        self.assertEqual(data["gates"][1]["line"], "hello 1-1")
        self.assertEqual(self.left(), [])

    def test_each_way_of_going_wrong_has_its_line_and_leaves_nothing(self) -> None:
        for words, script in BROKEN:
            with self.subTest(script):
                self.gate("10-broken", script)
                began = time.monotonic()
                answer, line, findings, data = self.judge(timeout=2)
                self.assertEqual((answer, len(findings)), ("fail", 1))
                self.assertIn(words, findings[0]["line"])
                self.assertIn(words, line)
                self.assertEqual(self.left(), [])
                self.assertLess(time.monotonic() - began, 30)
                self.assertLessEqual(Path(data["gates"][0]["output"]).stat().st_size, 1 << 20)

    def test_a_child_that_keeps_the_output_open_is_not_waited_for(self) -> None:
        self.gate("10-fork", "sleep 7654 & echo done; exit 0")
        self.assertEqual(self.judge(timeout=60)[3]["gates"][0]["line"], "done")
        self.assertEqual(run("pgrep", "-f", "sleep 7654", check=False).stdout, "")

    def test_what_cannot_run_is_no_pass(self) -> None:
        path = self.gate("10-fine", "exit 0")
        answer, line, _, _ = self.judge(refuses="Access denied")
        self.assertEqual((answer, line), ("fail", "10-fine: could not be started: Access denied"))
        path.write_text("#!/no/such/interpreter\n")
        answer, line, _, _ = self.judge()
        self.assertEqual((answer, line), ("fail", "10-fine: could not be started: No such file or directory"))
        self.assertEqual(self.left(), [])

    def test_what_is_no_gate_is_refused_by_name(self) -> None:
        self.gate("10-fine", "exit 0")
        for wrong in (0o644, 0o777):
            self.gate("20-wrong", "exit 0").chmod(wrong)
            with self.assertRaisesRegex(AssertionError, "'20-wrong' in .* is not an executable file"):
                self.judge()
        words = "'20-wrong' in "
        self.server.write_config(gates={"own": {}})
        (candidate,) = self.server.json("status")["environments"]["prod"]["candidates"]
        self.assertIn(words, candidate["open"][0])
        self.assertIn(words, self.server.json("promote", "--plan")["gates"]["pilot"]["open"][0])
        self.assertIn(words, self.server.call("status").stdout)
        self.assertIn(words, self.server.call("promote", "--plan").stdout)
        self.assertIn(words, self.server.refused("promote"))
        (self.server.top / "gates.d/20-wrong").unlink()
        (self.server.top / "gates.d/30-link").symlink_to("10-fine")
        with self.assertRaisesRegex(AssertionError, "30-link"):
            self.judge()

    def test_the_policy_knows_the_files(self) -> None:
        path = self.gate("10-fine", "exit 0")
        before = (
            "from ostree_release.loading import load\nfrom ostree_release.gates import own\n"
            f"print(own.files(load(Path({str(self.server.config)!r}))))\nsys.exit(0)"
        )
        files = self.server.call(before=before).stdout
        self.assertEqual(files, f"{ {'10-fine': run('sha256sum', path).stdout.split()[0]} }\n")

    def test_a_killed_check_leaves_nothing_after_the_next_one_and_a_living_one_is_left_alone(self) -> None:
        """Two checks at once, one of them killed: the third tidies after that one only."""
        go = self.server.top / "go"
        script = f"# ostree-release: checkout\ntouch {go}.$$; until test -e {go}; do sleep 0.2; done"
        self.gate("10-long", script)
        line = self.server.command(before=own_gates.judging(self.server, self.candidate["checksum"]))
        killed, living = (
            subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        )
        self.addCleanup(go.touch)
        deadline = time.monotonic() + 30
        while len(list(self.server.top.glob("go.*"))) < 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        killed.kill()
        killed.communicate()
        self.assertEqual(len(self.left()), 4, "two runs and two checkouts")
        (self.server.top / "gates.d/10-long").unlink()
        self.assertEqual(self.judge()[1], "no gates of your own")
        self.assertEqual(len(self.left()), 2, "those of the one that lives")
        go.touch()
        out, err = living.communicate(timeout=30)
        self.assertEqual(json.loads(out)[0], "pass", err)
        self.assertEqual(self.left(), [])

    def test_stopped_politely_it_leaves_nothing(self) -> None:
        self.gate("10-long", "# ostree-release: checkout\nsleep 600")
        signals = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        judging = own_gates.judging(self.server, self.candidate["checksum"])
        process = subprocess.Popen(self.server.command(before=signals + judging), stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not list((self.server.run / "gates").glob("*/run.json")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.terminate()
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 9)
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()
