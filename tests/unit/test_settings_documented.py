"""What is written from the declared settings is not stale, and is what pyinfra reads."""

from pathlib import Path

import pytest

import group_data.all as defaults
from docs.generate import ROOT, documents
from tasks.settings.declared import ENVIRONMENT, ENVIRONMENTS, NAMES


@pytest.mark.parametrize(
    ("path", "text"),
    [pytest.param(path, text, id=str(path.relative_to(ROOT))) for path, text in documents().items()],
)
def test_a_document_says_what_is_declared(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "stale: `make format` writes it"


def test_group_data_holds_every_default() -> None:
    ours = {name: value for name, value in vars(defaults).items() if name.startswith("ostree_")}
    declared = {name: field.metadata["default"] for name, field in NAMES.items()}
    assert ours == declared | {f"{ENVIRONMENT}{name}": default for name, (default, _) in ENVIRONMENTS.items()}
