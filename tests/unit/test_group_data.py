"""Group data that Python cannot read is named in one line."""

from pathlib import Path

from tasks.pyinfra_gaps.group_data import unreadable


def test_what_can_be_read_is_not_named() -> None:
    assert list(unreadable([Path(__file__).parents[2] / "group_data", Path("/no/such/folder")])) == []


def test_a_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "servers.py").write_text("ostree_https_port = 8443\nostree_http = = True\n")
    (tmp_path / "zero.py").write_bytes(b"x = 1\0")
    first, second = unreadable([tmp_path])
    assert first == f"{tmp_path}/servers.py:2: invalid syntax: this is no Python"
    assert second.startswith(f"{tmp_path}/zero.py")


def test_a_file_of_another_version_says_what_to_take(tmp_path: Path) -> None:
    (tmp_path / "all.py").write_text(
        "import os\nfrom tasks.prompts import go_on\nfrom tasks.settings.check import x\n"
    )
    (tmp_path / "dev.py").write_text("import tasks.gone.further\n")
    lines = list(unreadable([tmp_path]))
    assert [line.partition(", which")[0] for line in lines] == [
        f"{tmp_path}/all.py: imports tasks.prompts",
        f"{tmp_path}/dev.py: imports tasks.gone.further",
    ]
    assert all("take its group_data/all.py as it is" in line for line in lines)
