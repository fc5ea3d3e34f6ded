"""Settings are checked for every host, as pyinfra merges them, before any host is contacted."""

import socket
from pathlib import Path

import pytest
from pyinfra.api.state import State
from pyinfra.context import ctx_state
from pyinfra.context import inventory as inventory_in_use
from pyinfra_cli.inventory import make_inventory  # type: ignore[import-untyped]

from tasks.settings import inventory_check
from tasks.settings.inventory_check import find_problems
from tests.command_line import pyinfra
from tests.unit.settings_cases import valid

SERVER = "images.example.org"


def client(**changes: object) -> dict[str, object]:
    return valid(ostree_image_server=SERVER, ostree_follows="pilot") | changes


def test_a_server_and_its_clients() -> None:
    assert find_problems({SERVER: valid(), "desk": client()}) == []


def test_a_problem_of_many_hosts_is_one_line() -> None:
    hosts = {
        SERVER: valid(ostree_zzz=1),
        "desk-1": client(ostree_zzz=1),
        "desk-2": client(ostree_zzz=1),
    }
    assert find_problems(hosts) == [f"{SERVER}: ostree_zzz = 1: there is no such setting"]


def test_clients_follow_what_their_server_has() -> None:
    hosts = {
        SERVER: valid(),
        "one": client(ostree_follows="plot"),
        "two": client(ostree_image_server="image"),
    }
    assert find_problems(hosts) == [
        "one: ostree_follows = 'plot': must be one of: dev, prod/pilot, prod/stable",
        "two: ostree_image_server = 'image': must be the inventory's name of a host",
    ]


def test_a_server_may_be_a_client_too() -> None:
    hosts = {SERVER: client(ostree_https_port=0)}
    assert find_problems(hosts) == [
        f"{SERVER}: ostree_https_port = 0: must be a port: a whole number from 1 to 65535"
    ]


def test_a_clients_server_settings_are_not_looked_at() -> None:
    assert find_problems({SERVER: valid(), "desk": client(ostree_https_port=0)}) == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with group data in three places, all of which set the same things."""
    for folder in ("root/group_data", "own/group_data", "more"):
        (tmp_path / folder).mkdir(parents=True)
    files = {
        "root/group_data/all.py": "import os\na = b = c = d = e = f = 'root all'",
        "root/group_data/two.py": "b = c = d = e = f = 'root two'",
        "root/group_data/inventory.py": "b = c = d = e = f = 'root inventory'",
        "own/group_data/one.py": "c = 'own one'",
        "own/group_data/two.py": "d = e = 'own two'",
        "more/two.py": "e = 'more two'\ng = 'more two'",
        "own/inventory.py": "one = (['x', ('y', {'f': 'host y'})], {'h': 'tuple', 'c': 'tuple'})\n"
        "two = ['y', 'z']\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path


def test_data_is_merged_as_pyinfra_merges_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inventory that pyinfra makes of the same files is the judge."""
    root = project / "root"
    inventory = str(project / "own/inventory.py")
    more = [str(project / "more")]
    seen: dict[str, dict[str, object]] = {}

    def look() -> None:
        if not inventory_check._reading:
            command_line = {"inventory": inventory, "group_data": more, "data": ["g=7", "i=x=y"]}
            seen.update(inventory_check.merged_data(inventory_in_use, command_line, root))

    monkeypatch.setattr("builtins.look", look, raising=False)
    (root / "group_data/zz.py").write_text("look()")
    override = {"g": 7, "i": "x=y"}
    with ctx_state.use(State()):
        made = make_inventory(inventory, override_data=override, cwd=str(root), group_data_directories=more)
    assert seen == {host.name: host.data.dict() for host in made}
    assert seen["y"]["f"] == "host y"
    assert seen["y"]["e"] == "root inventory"
    assert seen["x"]["c"] == "root inventory"


def test_no_host_is_contacted_when_a_setting_is_wrong(tmp_path: Path) -> None:
    """A listening socket stands for the host: it is reached with right settings, and not with wrong ones."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        host = {"ssh_hostname": "127.0.0.1", "ssh_port": listener.getsockname()[1], "ssh_connect_retries": 0}
        host["ssh_paramiko_connect_kwargs"] = {"banner_timeout": 0.2}
        wrong = host | {"ostree_https_port": 84433, "ostree_environment_prod": {"promotes_form": "dev"}}
        (tmp_path / "wrong.py").write_text(f"image_servers = [('images.example.org', {wrong})]\n")
        (tmp_path / "right.py").write_text(f"image_servers = [('images.example.org', {host})]\n")

        refused = pyinfra(str(tmp_path / "wrong.py"), "-y", "exec", "--", "true")
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert refused.code == 1
        assert refused.err.splitlines()[2:] == [
            "images.example.org: ostree_https_port = 84433: must be a port: a whole number from 1 to 65535",
            "images.example.org: ostree_environment_prod['promotes_form'] = 'dev': there is no such setting;"
            " did you mean promotes_from?",
        ]

        pyinfra(str(tmp_path / "right.py"), "-y", "exec", "--", "true")
        listener.accept()[0].close()


def test_the_example_inventory_is_right() -> None:
    shown = pyinfra("inventories/example.py", "debug-inventory")
    assert (shown.code, "Traceback" in shown.err) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--data", "reboot"], "--data reboot: must be NAME=VALUE, for example --data reboot=yes"),
        (["-y", "--no-wait"], "--no-wait: must be left out"),
        ([], "Without a terminal, pyinfra cannot ask: add -y"),
    ],
)
def test_command_lines_that_would_end_badly(arguments: list[str], line: str) -> None:
    refused = pyinfra("inventories/example.py", "inventories/example.py", *arguments)
    assert refused.code == 1
    assert refused.err.splitlines()[1].startswith(line)
    assert len(refused.err.splitlines()) == 2


def test_a_failed_host_in_a_dry_run_asks_nobody(tmp_path: Path) -> None:
    gone = {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "ssh_connect_retries": 0}
    (tmp_path / "inventory.py").write_text(f"image_servers = [('images.example.org', {gone})]\n")
    (tmp_path / "entry.py").write_text("")
    ended = pyinfra(str(tmp_path / "inventory.py"), str(tmp_path / "entry.py"), "--dry")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "continue?" not in ended.err
