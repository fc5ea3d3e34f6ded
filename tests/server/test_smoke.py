"""The smoke pull: what a client would find wrong moves no ring and is one clear line."""

from __future__ import annotations

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from tests.server.support import HOME, PILOT, ServerTest, make_certificates, run


class Smoke(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.tip = self.promote_new("44.1")["release"]["checksum"]
        self.server.build("44.2", {"hello": "2-1"})

    def failing(self) -> str:
        """Return the one line of a promotion whose smoke pull must fail."""
        line = self.server.refused("promote")
        self.assertIn("no ring was moved", line)
        self.assertEqual(self.server.refs()[PILOT], self.tip)
        return line

    def with_url(self, url: str) -> None:
        content = json.loads(self.server.config.read_text())
        content["environments"]["prod"]["url"] = url
        self.server.config.write_text(json.dumps(content))

    def tearDown(self) -> None:
        self.server.write_config()
        self.assertEqual(self.server.json("promote")["release"]["version"], "44.2", "run again, it completes")
        super().tearDown()

    def test_the_pull_itself_trusts_only_what_a_client_trusts(self) -> None:
        """The question before the pull would hide a pull that accepts any certificate."""
        config = (self.server.state / "smoke/prod/config").read_text()
        self.assertIn(f"tls-ca-path={self.server.top / 'tls/ca.crt'}", config)
        self.assertIn("gpg-verify=true", config)
        self.assertNotIn("tls-permissive", config)

    def test_a_name_that_does_not_resolve(self) -> None:
        self.with_url("https://images.invalid:8443/base/prod")
        self.assertIn("cannot resolve the name images.invalid", self.failing())

    def test_nobody_listens(self) -> None:
        self.with_url("https://localhost:1/base/prod")
        self.assertIn("localhost port 1: ", self.failing())

    def test_not_served(self) -> None:
        self.with_url(f"https://localhost:{self.server.port}/elsewhere/prod")
        self.assertIn("HTTP status 404", self.failing())

    def test_another_repository_is_served(self) -> None:
        self.with_url(f"https://localhost:{self.server.port}/base/dev")
        self.assertIn("releases/44.2", self.failing())

    def test_a_certificate_of_another_ca(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        make_certificates(folder)
        trusted = self.server.top / "tls/ca.crt"
        right = trusted.read_bytes()
        shutil.copy(folder / "ca.crt", trusted)
        self.assertIn("TLS: ", self.failing())
        trusted.write_bytes(right)

    def test_a_certificate_for_another_name(self) -> None:
        self.with_url(f"https://127.0.0.1:{self.server.port}/base/prod")
        self.assertIn("TLS: ", self.failing())

    def test_a_signature_that_clients_do_not_trust(self) -> None:
        published = self.server.top / "base/keys/prod.gpg"
        trusted = published.read_bytes()
        self.server.json("stage")
        self.server.json("check")
        self.server.json("sign")
        shutil.copy(self.server.top / "base/keys/dev.gpg", published)
        self.assertIn("which is not on this server", self.server.refused("promote"))
        self.assertEqual(self.server.refs()[PILOT], self.tip)
        published.write_bytes(trusted)


class Served(ServerTest):
    """What the web server hands out is not what the repository has."""

    def setUp(self) -> None:
        super().setUp()
        self.tip = self.promote_new("44.1", hello="1-1", **dict.fromkeys("abcdefgh", "1-1"))["release"]
        self.server.build("44.2", {"hello": "2-1", **dict.fromkeys("abcdefgh", "1-1")})
        self.url("https://localhost:1/base/prod")
        self.server.refused("promote")  # all that a client may fetch is there, and no ring has moved
        self.mirror = self.server.top / "base/mirror"
        shutil.copytree(self.server.prod, self.mirror)
        self.url(f"https://localhost:{self.server.port}/base/mirror")

    def url(self, url: str) -> None:
        self.server.edit_environment("prod", url=url)

    def served(self, path: str) -> Path:
        """Return the object that the web server hands out for a file of the new release."""
        ref = f"{HOME}/releases/44.2"
        line = run("ostree", f"--repo={self.server.prod}", "ls", "-C", ref, path).stdout
        checksum = line.split()[4]
        return self.mirror / "objects" / checksum[:2] / f"{checksum[2:]}.filez"

    def without_sample(self) -> None:
        content = json.loads(self.server.config.read_text())
        self.server.config.write_text(json.dumps({**content, "smoke_sample": 0}))

    def assert_refused(self, reason: str) -> None:
        line = self.server.refused("promote")
        self.assertRegex(line, f"smoke pull from .*/base/mirror: object of /usr/share/{reason}")
        self.assertIn("no ring was moved", line)
        self.assertEqual(self.server.refs()[PILOT], self.tip["checksum"])

    def test_a_wrong_object_among_the_new_ones(self) -> None:
        self.without_sample()
        wrong = self.served("/usr/share/hello")
        sound = wrong.read_bytes()
        wrong.chmod(0o644)
        for content in (self.served("/usr/share/a").read_bytes(), sound[:-1], b"<html>not here</html>", b""):
            wrong.write_bytes(content)
            self.assert_refused(r"hello is damaged there \(\w{64}\.file\)")
        wrong.unlink()
        self.assert_refused("hello is missing there")
        wrong.write_bytes(sound)
        self.url(f"https://localhost:{self.server.port}/base/prod")
        self.assertEqual(self.server.json("promote")["release"]["version"], "44.2", "run again, it completes")

    def test_what_was_wrong_once_is_new_until_a_ring_has_it(self) -> None:
        """A release whose smoke pull failed is the parent of the next one, and no client has it."""
        self.without_sample()
        lost = self.served("/usr/share/hello")
        lost.unlink()
        self.assert_refused("hello is missing there")
        self.server.build("44.3", {"hello": "2-1", **dict.fromkeys("abcdefgh", "1-1"), "new": "1-1"})
        for step in ("stage", "check", "sign"):
            self.server.json(step)
        self.server.refused("publish")
        for path in [each for each in self.server.prod.rglob("*") if each.is_file()]:
            copy = self.mirror / path.relative_to(self.server.prod)
            if not copy.exists() and copy != lost:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        shutil.copy(self.server.prod / "summary", self.mirror / "summary")
        self.assert_refused("hello is missing there")

    def test_a_wrong_object_among_the_old_ones(self) -> None:
        """It is found when the sample has it, which is all of the others in as small an image as this."""
        wrong = self.served("/usr/share/c")
        wrong.chmod(0o644)
        wrong.write_bytes(b"wrong")
        self.assert_refused("c is damaged there")
        self.without_sample()
        moved = self.server.refused("promote")
        self.assertIn("mirror: serves", moved, "the mirror's summary stays as it is")


if __name__ == "__main__":
    unittest.main()
