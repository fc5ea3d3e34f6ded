"""What the benchmarks compute and print; no time is asserted."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import parser
from bench.measuring import Contender, Figure, Row, Sample, alternating, as_json, median, of_json, table

ROW = Row(
    "1 % changed",
    [
        Figure(
            "ours",
            "ostree-release promote",
            (Sample(2.0, 1.0), Sample(9.0, 1.2), Sample(3.0, 1.1)),
            "gates on",
            {"errors": 0, "requests a second": 1234.5},
        ),
        Figure("ansible", "ansible-playbook", (), "not installed here"),
    ],
    (0.5, 1.25),
)


@pytest.mark.parametrize(("values", "expected"), [([], None), ([4.0], 4.0), ([9.0, 1.0, 2.0], 2.0)])
def test_the_median_is_of_what_there_is(values: list[float], expected: float | None) -> None:
    assert median(values) == expected


def test_contenders_take_turns_and_keep_their_own_figures() -> None:
    order: list[str] = []

    def contender(name: str) -> Contender:
        def run() -> Sample:
            order.append(name)
            return Sample(len(order))

        return Contender(name, f"run {name}", run, f"note of {name}")

    row = alternating("both", [contender("a"), contender("b")], 2)
    assert order == ["a", "b", "a", "b"]
    assert [(each.name, each.command, each.note) for each in row.figures] == [
        ("a", "run a", "note of a"),
        ("b", "run b", "note of b"),
    ]
    assert [[sample.wall for sample in each.samples] for each in row.figures] == [[1, 3], [2, 4]]


def test_a_table_has_medians_load_commands_and_what_is_missing() -> None:
    assert table(ROW).splitlines() == [
        "1 % changed   (load 0.5 before, 1.2 after)",
        "           wall s    from-to  CPU s  runs",
        "  ours       3.00  2.00-9.00   1.10     3",
        "  ansible       -          -      -     0",
        "  ours: 0 errors, 1234.5 requests a second",
        "  ours: gates on",
        "  ours: $ ostree-release promote",
        "  ansible: not installed here",
        "  ansible: $ ansible-playbook",
    ]


def test_a_row_survives_its_json_which_has_the_medians() -> None:
    document = json.loads(json.dumps(as_json(ROW)))
    assert (document["figures"][0]["wall"], document["figures"][0]["cpu"]) == (3.0, 1.1)
    assert table(of_json(document)) == table(ROW)


def test_arguments_have_defaults_and_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    found = parser().parse_args(["promote", "--objects", "500"])
    assert (found.objects, found.releases, found.runs, found.json) == ([500], [5, 200], 5, False)
    for wrong in (["promote", "--runs", "0"], ["promote", "--objects", "many"], ["eat"]):
        with pytest.raises(SystemExit):
            parser().parse_args(wrong)
        assert "bench" in capsys.readouterr().err
