"""What the benchmarks compute and print; no time is asserted."""

from __future__ import annotations

import json
import socket

import pytest

from bench.__main__ import parser
from bench.delaying import delaying
from bench.inside import ab
from bench.measuring import Contender, Figure, Row, Sample, alternating, as_json, median, of_json, table

ROW = Row(
    "1 % changed",
    [
        Figure(
            "ours",
            "ostree-release promote",
            tuple(
                Sample(wall, cpu, {"errors": errors})
                for wall, cpu, errors in ((2.0, 1.0, 0), (9.0, 1.2, 7), (3.0, 1.1, 0))
            ),
            "gates on",
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
        "  ours: errors 0 (0-7)",
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


def test_what_cannot_be_run_is_a_figure_that_says_so() -> None:
    row = alternating("both", [Contender("ansible", "ansible-playbook", None, "not installed here")], 3)
    assert row.figures == [Figure("ansible", "ansible-playbook", (), "not installed here")]


def test_ab_is_read_also_where_it_is_silent() -> None:
    printed = """Complete requests:      1204
Failed requests:        3
Keep-Alive requests:    1204
Requests per second:    60.18 [#/sec] (mean)

Percentage of the requests served within a certain time (ms)
  50%     12
  99%    340
 100%    900 (longest request)
"""
    assert ab.read(printed) == {
        "requests a second": 60.18,
        "failed": 3,
        "not 2xx": 0,
        "ms of the slowest in a hundred": 340,
    }


def test_the_delaying_proxy_passes_everything_on_in_both_directions() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        delaying(server.getsockname()[1], 0.001) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        there, _ = server.accept()
        with there:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert there.makefile("rb").read() == b"question"
            there.sendall(b"answer")
            there.shutdown(socket.SHUT_WR)
            assert client.makefile("rb").read() == b"answer"
