"""The bill of materials of every release: complete, there before a ring moves, the same bytes every time."""

from __future__ import annotations

import json
import stat
import unittest

from tests.server.support import HOME, PILOT, ServerTest, opened, run


class Sbom(ServerTest):
    def test_every_release_has_one_and_it_names_the_packages_of_the_commit(self) -> None:
        release = self.promote_new("44.1", hello="1.0-1", tool="2:3.0-4")["release"]
        path = self.server.state / "sbom/prod/44.1.spdx.json"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)
        image, *packages = json.loads(path.read_text())["packages"]
        listed = opened(self.server.prod).load_commit(release["checksum"])[1].unpack()[0]
        expected = [
            f"pkg:rpm/fedora/{name}@{version}-{build}?arch={arch}".replace("2:", "2%3A")
            for name, _, version, build, arch in listed["rpmostree.rpmdb.pkglist"]
        ]
        self.assertEqual([each["externalRefs"][0]["referenceLocator"] for each in packages], expected)
        self.assertEqual(image["checksums"][0]["checksumValue"], release["checksum"])
        for name in ("44.1", "pilot", "prod:44.1", release["checksum"]):
            self.assertEqual(self.server.call("sbom", name).stdout, path.read_text(), name)
        self.assertEqual(self.server.json("sbom", "44.1"), json.loads(path.read_text()))
        self.assertEqual([each.name for each in path.parent.iterdir()], [path.name], "nothing is left over")

    def test_a_lost_or_changed_one_comes_back_with_the_next_run(self) -> None:
        self.promote_new("44.1")
        path = self.server.state / "sbom/prod/44.1.spdx.json"
        content = path.read_bytes()
        for damage in (path.unlink, lambda: path.write_text("{}")):
            damage()
            self.server.json("promote")
            self.assertEqual(path.read_bytes(), content)

    def test_without_it_nothing_is_published(self) -> None:
        self.promote_new("44.1")
        before = self.server.refs()
        self.server.build("44.2", {"hello": "2-1"})
        place = self.server.state / "sbom/prod"
        run("rm", "-r", place)
        place.write_text("in the way")
        said = self.server.refused("promote")
        self.assertIn("44.2.spdx.json: File exists: nothing was published", said)
        after = self.server.refs()
        self.assertEqual(after[PILOT], before[PILOT])
        self.assertNotIn(f"{HOME}/releases/44.2", after)
        place.unlink()
        self.assertEqual(self.server.json("promote")["release"]["version"], "44.2")
        self.assertTrue((place / "44.2.spdx.json").exists())

    def test_only_a_release_has_one(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.assertIn("'44.1': prod has no such", self.server.refused("sbom", "44.1"))
        self.assertIn("'dev:44.1': dev is not prod", self.server.refused("sbom", "dev:44.1"))


if __name__ == "__main__":
    unittest.main()
