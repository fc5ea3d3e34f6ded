"""Facts that are asked by one command: which answers count, and until when."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.api import FactProcessError
from pyinfra.context import ctx_host

from tasks.facts import together
from tasks.facts.managed_files import Content
from tasks.facts.repositories import Repositories
from tasks.facts.together import Question, ask_together, first_questions, known


class Host:
    """This machine, as pyinfra's host with operations that are to be carried out with -y."""

    def __init__(self, **operations: Callable[[], Any]) -> None:
        self.current_op_hash: str | None = None
        self.commands: list[str] = []
        self.meta = {
            name: SimpleNamespace(complete=False, executed=False, was_retried=False) for name in operations
        }
        for meta in self.meta.values():
            meta.is_complete = lambda meta=meta: meta.complete
        self.state = SimpleNamespace(
            is_executing=False,
            should_check_for_changes=lambda: False,
            ops={
                self: {
                    name: SimpleNamespace(
                        command_generator=self._generator(name), operation_meta=self.meta[name]
                    )
                    for name in operations
                }
            },
        )
        self.operations = operations
        self.answers: dict[str, Any] = {}

    def _generator(self, name: str) -> Callable[[], Generator[str, None, None]]:
        def commands() -> Generator[str, None, None]:
            self.current_op_hash = name
            try:
                self.answers[name] = self.operations[name]()
                yield f"change for {name}"
            finally:
                self.current_op_hash = None

        return commands

    def get_fact(self, fact: type[Any], **arguments: Any) -> Any:
        command = fact().command(**arguments).get_raw_value()
        self.commands.append(fact.__name__)
        return fact().process(
            subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout.split("\n")
        )

    def carry_out(self, name: str, changes: bool = False, retried: bool = False) -> Any:
        """Carry an operation out; returns what it was told."""
        self.state.is_executing = True
        for _ in self.state.ops[self][name].command_generator():
            pass
        meta = self.meta[name]
        meta.complete, meta.executed, meta.was_retried = True, changes, retried
        return self.answers[name]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Files of which each says its name."""
    found = {name: tmp_path / f"{name} '$x' === output" for name in ("one", "two", "three")}
    for name, path in found.items():
        path.write_text(name)
    return found


@contextmanager
def prepared(places: dict[str, Path]) -> Iterator[Host]:
    """A run with an operation for each file, whose content it asks; they have been asked together."""
    host = Host(**{name: lambda path=path: known(Content, path=str(path)) for name, path in places.items()})
    with ctx_host.use(host):
        ask_together(first_questions())
        assert host.commands == ["_Together"]
        assert host.answers == {}
        yield host


def test_what_each_operation_asks_first_is_asked_by_one_command(places: dict[str, Path]) -> None:
    with prepared(places) as host:
        assert [host.carry_out(name) for name in places] == [b"one", b"two", b"three"]
        assert host.commands == ["_Together"]


@pytest.mark.parametrize("how", [{"changes": True}, {"retried": True}])
def test_after_a_change_the_host_is_asked(places: dict[str, Path], how: dict[str, bool]) -> None:
    with prepared(places) as host:
        for path in places.values():
            path.write_text("changed")
        assert host.carry_out("one", **how) == b"one"
        assert [host.carry_out(name) for name in ("two", "three")] == [b"changed"] * 2
        assert host.commands == ["_Together", "Content", "Content"]


def test_an_operation_that_asks_again_asks_the_host(places: dict[str, Path]) -> None:
    with prepared(places) as host:
        assert host.carry_out("one") == b"one"
        places["one"].write_text("changed")
        assert host.carry_out("one") == b"changed"


def test_a_later_question_of_an_operation_is_asked_of_the_host(places: dict[str, Path]) -> None:
    one, two, _ = (str(path) for path in places.values())
    host = Host(
        both=lambda: [known(Content, path=one), known(Content, path=two)],
        other=lambda: known(Content, path=two),
    )
    with ctx_host.use(host):
        ask_together(first_questions())
        places["two"].write_text("changed")
        assert host.carry_out("both") == [b"one", b"changed"]


def test_a_person_who_was_asked_in_between_may_have_taken_long(places: dict[str, Path]) -> None:
    with prepared(places) as host:
        host.state.should_check_for_changes = lambda: True
        assert first_questions() == []
        places["one"].write_text("changed")
        assert host.carry_out("one") == b"changed"


def test_what_cannot_be_read_is_asked_again_and_says_why(places: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "config").mkdir(parents=True)
    host = Host(
        one=lambda: known(Content, path=str(places["one"])),
        folder=lambda: known(Content, path=str(tmp_path)),
        repositories=lambda: known(Repositories, paths=[str(broken)]),
    )
    with ctx_host.use(host):
        ask_together(first_questions())
        assert host.carry_out("one") == b"one"
        assert host.commands == ["_Together"]
        with pytest.raises(FactProcessError, match=r"base64 failed: .*Is a directory"):
            host.carry_out("folder")
        with pytest.raises(FactProcessError, match=f"found no mode in {broken}/config: is it damaged"):
            host.carry_out("repositories")


def test_an_answer_without_its_end_is_none(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = together._Together.process
    monkeypatch.setattr(together._Together, "process", lambda self, output: whole(self, output[:-3]))
    with prepared(places) as host:
        places["one"].write_text("changed")
        assert host.carry_out("one") == b"changed"


def test_what_is_too_long_for_one_command_is_asked_alone(places: dict[str, Path]) -> None:
    asked = {**places, "long": places["one"].parent / ("'" * (together.LONGEST // 5))}
    with prepared(asked) as host:
        assert host.carry_out("two") == b"two"
        assert host.commands == ["_Together"]
        assert first_questions()[-1].arguments == {"path": str(asked["long"])}


def test_a_question_is_asked_once_and_shown_by_its_name(places: dict[str, Path]) -> None:
    question = Question(Content, {"path": str(places["one"])})
    with ctx_host.use(Host()) as _:
        host = ctx_host.get()
        ask_together([question, question])
        ask_together([question])
        assert host.commands == ["_Together"]
        assert known(Content, path=str(places["one"])) == b"one"
        assert host.commands == ["_Together"]
    assert repr([question]) == "[Content]"
