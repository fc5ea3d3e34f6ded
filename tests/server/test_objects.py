"""Objects as they are stored: checksums, copies, and what a tree is made of, beside libostree's."""

from __future__ import annotations

import os
import random
import signal
import time
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from gi.repository import GLib

from ostree_release import parallel
from ostree_release.errors import Refused
from ostree_release.repository import objects, stored
from ostree_release.repository.copying import copy
from ostree_release.repository.objects import Object
from ostree_release.repository.reading import Repository

from .support import File, ServerTest, run

NOISE = random.Random(2).randbytes(128 << 10)
NAMES = {f"/usr/share/many/{'é' * 20}{number}": File(b"x" * number) for number in range(400)}
FILES = {
    "/usr/empty": File(b""),
    "/usr/link": File(link="empty"),
    "/usr/setuid": File(b"program", 0o4755, uid=5, gid=7),
    "/usr/labelled": File(b"x", xattrs={"security.selinux": b"y" * 300, "user.z": b""}),
    "/usr/long": File(link="l" * 4000),
    "/usr/large": File(random.Random(1).randbytes(3 << 20) + bytes(5 << 20)),
    "/usr/folder": File(directory=True, mode=0o1777),
    **NAMES,
}


class Stored(ServerTest):
    """A build with files of every kind, and enough of them for several processes."""

    def setUp(self) -> None:
        super().setUp()
        self.build = self.server.build("44.1", {"hello": "1.0-1"}, files=FILES)
        self.root = Repository(self.server.dev).root(self.build)
        self.objects = stored.reached(self.root).objects
        self.target = self.server.top / "target"
        run("ostree", f"--repo={self.target}", "init", "--mode=archive")

    def path(self, name: str) -> Object:
        """Return the object of the file at a path."""
        return next(each for each, path in self.objects.items() if path == name and each.kind == "file")

    def files(self) -> list[Path]:
        """Return what lies in the target."""
        return [path for path in (self.target / "objects").rglob("*") if path.is_file()]

    def test_every_checksum_is_libostrees(self) -> None:
        with mock.patch.object(parallel, "_WORTH_IT", 1 << 30):
            self.assertEqual(stored.faults(self.server.dev, list(self.objects)), {})
        self.assertEqual(stored.faults(self.server.dev, list(self.objects)), {})

    def test_a_tree_is_made_of_what_libostree_says(self) -> None:
        listing = run("ostree", f"--repo={self.server.dev}", "ls", "-R", "-C", self.build).stdout
        said = {word for line in listing.splitlines() for word in line.split() if len(word) == 64}
        self.assertEqual({each.checksum for each in self.objects}, said)

    def test_what_is_new_is_what_another_tree_has_not(self) -> None:
        changed = {**FILES, "/usr/share/many/new": File(b"new"), "/usr/empty": File(b"not empty")}
        build = self.server.build("44.2", {"hello": "1.0-1"}, files=changed)
        new = stored.reached(Repository(self.server.dev).root(build), self.root).objects
        everything = stored.reached(Repository(self.server.dev).root(build)).objects
        self.assertEqual(new.keys(), everything.keys() - self.objects.keys())
        self.assertEqual({path for each, path in new.items() if each.kind == "file"}, {
            "/usr/share/many/new", "/usr/empty",
        })  # fmt: skip

    def test_copies_are_the_same_bytes_and_whole(self) -> None:
        copied = copy(self.server.dev, self.target, self.objects)
        self.assertEqual(set(copied), set(self.objects))
        for each in copied:
            self.assertEqual(
                (self.target / each.path).read_bytes(), (self.server.dev / each.path).read_bytes()
            )
            self.assertEqual((self.target / each.path).stat().st_nlink, 1)
        run("ostree", f"--repo={self.target}", "pull-local", self.server.dev, self.build)
        run("ostree", f"--repo={self.target}", "fsck")
        self.assertFalse((self.target / "tmp/copied").exists())
        self.assertEqual(copy(self.server.dev, self.target, self.objects), [])

    def test_where_blocks_cannot_be_shared_they_are_copied(self) -> None:
        with mock.patch("os.copy_file_range", side_effect=OSError(95, "not supported")):
            copy(self.server.dev, self.target, self.objects)
        self.assertEqual(stored.faults(self.target, list(self.objects)), {})

    def test_what_is_damaged_is_named_and_nothing_is_copied(self) -> None:
        broken = self.path("/usr/large")
        path = self.server.dev / broken.path
        sound = path.read_bytes()
        path.chmod(0o644)
        for content in (sound[:-1], b"", sound[:9], b"\xff" * 100, sound[:4] + bytes(len(sound) - 4)):
            path.write_bytes(content)
            with self.assertRaises(Refused) as refusal:
                copy(self.server.dev, self.target, self.objects)
            self.assertEqual(
                str(refusal.exception), f"object of /usr/large is damaged ({broken.checksum}.file)"
            )
            self.assertEqual(self.files(), [])
        path.unlink()
        with self.assertRaisesRegex(Refused, "object of /usr/large is missing"):
            copy(self.server.dev, self.target, self.objects)
        self.assertEqual(self.files(), [])

    def test_more_than_it_says_is_not_unpacked(self) -> None:
        bomb = self.path("/usr/large")
        content = (self.server.dev / bomb.path).read_bytes()
        small = content[:8] + (5).to_bytes(8, "big") + content[16:]
        with self.assertRaisesRegex(ValueError, "not 5 bytes"):
            objects.checksum("file", [small])

    def test_files_that_end_in_what_packs_well_are_sound(self) -> None:
        """zlib has taken all that there is then, and has more to give."""
        sizes = (0, 1, 20, 56, 300)
        files = {f"/usr/{size}": File(bytes((1 << 20) + size)) for size in sizes}
        files |= {f"/usr/x{size}": File(NOISE + b"\xff" * ((1 << 20) - len(NOISE) + size)) for size in sizes}
        build = self.server.build("44.2", {"hello": "1.0-1"}, files=files)
        found = stored.reached(Repository(self.server.dev).root(build)).objects
        self.assertEqual(stored.faults(self.server.dev, list(found)), {})

    def test_what_an_interruption_left_is_no_obstacle(self) -> None:
        left = self.target / "tmp/copied/objects/ab/left.filez"
        left.parent.mkdir(parents=True)
        left.touch()
        copy(self.server.dev, self.target, self.objects)
        self.assertFalse((self.target / "tmp/copied").exists())

    def test_a_process_that_dies_copies_nothing(self) -> None:
        killed = mock.patch("os.copy_file_range", side_effect=lambda *_: os.kill(os.getpid(), 9))
        with killed, self.assertRaisesRegex(Refused, "was killed before its work was done"):
            copy(self.server.dev, self.target, self.objects)
        self.assertEqual(self.files(), [])

    def test_a_full_disk_is_named_by_whichever_process_meets_it(self) -> None:
        for least in (1, 1 << 30):
            full = mock.patch("os.copy_file_range", side_effect=OSError(28, "No space left on device"))
            here = mock.patch.object(parallel, "_WORTH_IT", least)
            with full, here, self.assertRaisesRegex(Refused, "No space left on device"):
                copy(self.server.dev, self.target, self.objects)
            self.assertEqual(self.files(), [])


class OnAllCores(unittest.TestCase):
    """Processes that end with whoever began them, and say what they met."""

    def setUp(self) -> None:
        self.begun: list[int] = []
        fork = os.fork

        def noted() -> int:
            self.begun.append(fork())
            return self.begun[-1]

        for patch in (mock.patch.object(parallel, "_WORTH_IT", 1), mock.patch("os.fork", noted)):
            patch.start()
            self.addCleanup(patch.stop)

    def tearDown(self) -> None:
        self.assertTrue(self.begun)
        for child in self.begun:
            with self.assertRaises(ProcessLookupError):
                os.kill(child, 0)

    def test_everything_is_said_once(self) -> None:
        found = parallel.on_all_cores(lambda share: (each * 2 for each in share), range(9))
        self.assertEqual(sorted(found), [each * 2 for each in range(9)])

    def test_more_than_a_pipe_holds(self) -> None:
        found = parallel.on_all_cores(lambda share: ("x" * 70_000 for _ in share), range(6))
        self.assertEqual({len(each) for each in found}, {70_000})

    def test_closed_early_nobody_goes_on(self) -> None:
        def endless(share: Sequence[int]) -> Iterator[int]:
            while True:
                yield from share

        found = parallel.on_all_cores(endless, range(4))
        next(found)
        found.close()

    def test_what_a_process_meets_is_said(self) -> None:
        def failing(share: Sequence[int]) -> Iterator[int]:
            raise OSError(5, "Input/output error", "/srv/x")
            yield from share

        with self.assertRaisesRegex(Refused, "^/srv/x: Input/output error$"):
            list(parallel.on_all_cores(failing, range(4)))

    def test_they_die_with_whoever_began_them(self) -> None:
        reading, writing = os.pipe()
        parent = os.fork()
        if parent == 0:

            def waiting(share: Sequence[int]) -> Iterator[int]:
                os.write(writing, b"x")
                time.sleep(600)
                yield from share

            try:
                list(parallel.on_all_cores(waiting, range(4)))
            finally:
                os._exit(0)
        os.close(writing)
        os.read(reading, 1)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        while os.read(reading, 1):
            pass  # ends when the last of them has closed it
        os.close(reading)


class Lists(unittest.TestCase):
    def test_as_libostree_reads_them(self) -> None:
        for files, folders, length in (
            (0, 0, 1),
            (1, 0, 1),
            (0, 1, 255),
            (3, 2, 218),
            (9, 9, 250),
            (2000, 700, 40),
        ):
            with self.subTest((files, folders, length)):
                names = [f"{number:0{length}}"[:255] for number in range(files + folders)]
                sums = [bytes([number % 251] * 32) for number in range(files + folders)]
                data = GLib.Variant("(a(say)a(sayay))", (
                    list(zip(names[:files], sums)),
                    list(zip(names[files:], sums[files:], reversed(sums))),
                )).get_data_as_bytes().get_data()  # fmt: skip
                expected = [(name, each.hex(), None) for name, each in zip(names[:files], sums)] + [
                    (name, one.hex(), two.hex())
                    for name, one, two in zip(names[files:], sums[files:], reversed(sums))
                ]
                self.assertEqual(list(objects.names(data)), expected)

    def test_what_is_no_list_is_refused(self) -> None:
        value = ([("a", bytes(32)), ("b", bytes(32))], [("c", bytes(32), bytes(32))])
        data = GLib.Variant("(a(say)a(sayay))", value).get_data_as_bytes().get_data()
        whole = list(objects.names(data))
        self.assertEqual(len(whole), 3)
        for end in range(len(data)):
            with self.assertRaises(ValueError, msg=end):
                list(objects.names(data[:end]))
        for place in range(len(data)):
            for value_ in (0, 1, 127, 255):
                damaged = data[:place] + bytes([value_]) + data[place + 1 :]
                try:
                    found = list(objects.names(damaged))
                except ValueError:
                    continue
                self.assertTrue(all(len(each.content) == 64 for each in found))


if __name__ == "__main__":
    unittest.main()
