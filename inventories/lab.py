"""Whatever lab is running, by default `lab`; LAB_NAME names another. Start one with `make lab`.

The lab writes down what it started in .lab/NAME/state.json; nothing here needs to be edited.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

# No names of the lab's own program here: an inventory is what pyinfra runs alone, also from another folder.
_NAME = os.environ.get("LAB_NAME") or "lab"
_FOLDER = Path(__file__).resolve().parent.parent / ".lab" / _NAME

try:
    _STATE = json.loads((_FOLDER / "state.json").read_text())
except FileNotFoundError:
    _START = "make lab" if _NAME == "lab" else f"LAB_NAME={_NAME} make lab"
    sys.exit(f"The lab {_NAME!r} is not running; start it with: {_START}")


def _host(machine: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return (
        machine["name"],
        {
            "ssh_hostname": "127.0.0.1",
            "ssh_port": machine["port"],
            "ssh_user": _STATE["logins"]["admin"],
            "ssh_key": str(_FOLDER / "ssh" / "id_ed25519"),
            "ssh_known_hosts_file": str(_FOLDER / "ssh" / "known_hosts"),
        },
    )


def _clients(follows: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, {**reached, "ostree_image_server": _STATE["server"]["name"]})
        for name, reached in (_host(client) for client in _STATE["clients"] if client["follows"] == follows)
    ]


image_servers = [_host(_STATE["server"])]
dev_clients = _clients("dev")
pilot_clients = _clients("pilot")
stable_clients = _clients("stable")
