"""What the benchmarks compute and print; no time is asserted."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.__main__ import parser
from bench.delaying import delaying
from bench.inside.load import load
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


def test_clients_ask_again_on_their_connections_and_tell_an_announced_end_from_a_broken_one() -> None:
    seen = iter(range(1000000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = next(seen)
            if number == 5:
                self.close_connection = True  # without an answer
                return
            self.send_response(404 if number == 7 else 200)
            self.send_header("Content-Length", "5")
            if number == 9:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name there
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # the clients just end, all at once

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        counted = load(f"http://127.0.0.1:{server.server_address[1]}/object", clients=2, seconds=0.5)
        server.shutdown()
    assert counted["requests a second"] > 20
    assert {name: counted[name] for name in ("not 200", "connections broken", "connections")} == {
        "not 200": 1,
        "connections broken": 1,
        "connections": 4,
    }
