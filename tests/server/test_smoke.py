"""The smoke pull: what a client would find wrong moves no ring and is one clear line."""

from __future__ import annotations

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from tests.server.support import PILOT, ServerTest, make_certificates


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


if __name__ == "__main__":
    unittest.main()
