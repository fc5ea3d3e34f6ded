"""What all of pytest's tests have in common."""

import pytest

from tests.budget import Budgets, SecondsPerFile


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SecondsPerFile(Budgets.read()))
