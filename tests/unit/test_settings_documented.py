"""docs/settings.md and group_data/all.py say the same."""

import ast
import re
from pathlib import Path

import group_data.all as defaults
from tasks.settings.environments import RULES
from tasks.settings.values import NAMES

DOCUMENT = (Path(__file__).parents[2] / "docs/settings.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", DOCUMENT, flags=re.MULTILINE))
LONG = {
    node.targets[0].id: ast.literal_eval(node.value)
    for block in re.findall(
        r"```python\n(.*?)```", DOCUMENT.partition("## Long defaults")[2], flags=re.DOTALL
    )
    for node in ast.parse(block).body
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
}
SETTINGS = {name: value for name, value in vars(defaults).items() if name.startswith(("ostree_", "ssh_"))}


def test_every_setting_has_a_default_and_a_rule() -> None:
    ours = {name for name in SETTINGS if name.startswith("ostree_")}
    assert ours == NAMES | {"ostree_environment_dev", "ostree_environment_prod"}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {
        name: LONG[name] if cell == "[below](#long-defaults)" else ast.literal_eval(cell.strip("`"))
        for name, cell in ROWS.items()
        if name in SETTINGS and name != "ssh_paramiko_connect_kwargs"
    }
    expected = {name: value for name, value in SETTINGS.items() if name != "ssh_paramiko_connect_kwargs"}
    assert documented == expected
    assert "ssh_paramiko_connect_kwargs" in ROWS


def test_every_key_of_an_environment_is_documented() -> None:
    assert set(RULES) <= set(ROWS)
