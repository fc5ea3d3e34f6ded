"""The list of names of a directory, taken apart by hand."""

from __future__ import annotations

import unittest

from gi.repository import GLib

from ostree_release.repository import directory_list


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
                expected = [(name, each.hex()) for name, each in zip(names[:files], sums)] + [
                    (name, one.hex(), two.hex())
                    for name, one, two in zip(names[files:], sums[files:], reversed(sums))
                ]
                self.assertEqual(list(directory_list.parse(data)), expected)

    def test_what_is_no_list_is_refused(self) -> None:
        value = ([("a", bytes(32)), ("b", bytes(32))], [("c", bytes(32), bytes(32))])
        data = GLib.Variant("(a(say)a(sayay))", value).get_data_as_bytes().get_data()
        whole = list(directory_list.parse(data))
        self.assertEqual(len(whole), 3)
        for end in range(len(data)):
            with self.assertRaises(ValueError, msg=end):
                list(directory_list.parse(data[:end]))
        for place in range(len(data)):
            for value_ in (0, 1, 127, 255):
                damaged = data[:place] + bytes([value_]) + data[place + 1 :]
                try:
                    found = list(directory_list.parse(damaged))
                except ValueError:
                    continue
                self.assertTrue(all(len(each) in (2, 3) for each in found))
