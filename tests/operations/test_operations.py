"""Every operation on given facts: one folder per operation, one file per case."""

from pathlib import Path

import pytest
from pyinfra_testing.operations import make_operation_tests

from tasks.operations import managed_files, signing_keys

TASKS = Path(__file__).parents[2] / "tasks"


@pytest.fixture(autouse=True)
def _functions_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a case, the shell functions that a script begins with are one word: tests/unit runs what they do."""
    for module, name in ((managed_files, "PRELUDE"), (managed_files, "KEEP"), (signing_keys, "PRELUDE")):
        monkeypatch.setattr(module, name, f"{name}\n")


for folder in sorted(each for each in Path(__file__).parent.iterdir() if "." in each.name and each.is_dir()):
    room = "operations" if (TASKS / f"operations/{folder.name.split('.')[0]}.py").exists() else "releases"
    globals()[f"Test{folder.name}"] = make_operation_tests(f"tasks.{room}", folder.name, folder)
