"""What is written from the declared settings is not stale, and is what pyinfra reads."""

import pytest

import group_data.all as defaults
from tasks.settings.declared import ENVIRONMENT, ENVIRONMENTS, NAMES
from tasks.settings.documents import ROOT, documents


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_says_what_is_declared(path: object) -> None:
    (text,) = [text for each, text in documents().items() if each == path]
    assert path.read_text(encoding="utf-8") == text, "stale: `make format` writes it"  # type: ignore[attr-defined]


def test_group_data_holds_every_default() -> None:
    ours = {name: value for name, value in vars(defaults).items() if name.startswith("ostree_")}
    declared = {name: field.metadata["default"] for name, field in NAMES.items()}
    assert ours == declared | {f"{ENVIRONMENT}{name}": default for name, (default, _) in ENVIRONMENTS.items()}
