"""A fleet that exists on paper only: pyinfra's real command line against its @fake connector.

A server and clients answer what the real programs print. Clients are where they should be (GOOD), behind,
have never seen this server (NEW), are of another architecture (ARM), are busy with a transaction, or are a
closed port (GONE).
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import command_line
from tests.command_line import ROOT, Run
from tests.command_output import answered, followed, said
from tests.recorded.recordings import CLIENT, recorded_status
from tests.unit.test_decisions import KEY

HOME = "fedora/x86_64/kinoite"
BOOT = "0b6a1c9e-6f4b-4b6e-9d3a-000000000001"
BUILD, PILOT, STABLE = "a" * 64, "b" * 64, "c" * 64
CERTIFICATE = (CLIENT.parent / "ca.crt").read_text()


def release(version: str, checksum: str, serial: int) -> dict[str, Any]:
    return {"version": version, "checksum": checksum, "timestamp": 1795000000, "serial": serial}


STATUS: dict[str, Any] = {
    "environments": {
        "dev": {
            "composed": True,
            "ref": f"{HOME}/dev",
            "build": {"version": "44.3", "checksum": BUILD, "timestamp": 1795000000},
            "reports": [],
        },
        "prod": {
            "composed": False,
            "promotes_from": "dev",
            "rings": [
                {
                    "name": "pilot",
                    "ref": f"{HOME}/pilot",
                    "release": release("44.2", PILOT, 2),
                    "behind": {"upgraded": 3, "added": 1, "removed": 0, "downgraded": 0},
                    "overrides": [],
                },
                {
                    "name": "stable",
                    "ref": f"{HOME}/stable",
                    "release": release("44.1", STABLE, 1),
                    "behind": {"upgraded": 5, "added": 1, "removed": 0, "downgraded": 0},
                    "overrides": [],
                },
            ],
            "candidates": [],
        },
    },
    "verify": None,
    "holds": [],
    "warnings": [],
    "next": {"task": "promote", "data": {}},
}
PLAN: dict[str, Any] = {
    "outcome": "promote",
    "environment": "prod",
    "ring": "pilot",
    "build": {"version": "44.3", "checksum": BUILD, "timestamp": 1795000000},
    "release": {"version": "44.3", "serial": 3, "checksum": None},
    "moves": [
        {
            "ref": f"{HOME}/pilot",
            "from": {"version": "44.2", "checksum": PILOT},
            "to": {"version": "44.3", "checksum": None},
        }
    ],
    "expect": {"build": BUILD, "tip": PILOT},
    "packages": {
        "added": [{"name": "newtool", "new": "1.0-1"}],
        "removed": [],
        "upgraded": [{"name": "hello", "old": "1.0-1", "new": "2.0-1"}],
        "downgraded": [],
    },
    "repairs": [],
    "gates": {"pilot": None},
    "held": [],
}
APPROVAL = {
    "environment": "prod",
    "rings": ["pilot"],
    "release": {"version": "44.3", "checksum": "f" * 64, "serial": 3},
    "findings": [
        {"gate": "diff", "id": "removed:tool", "answer": "needs-approval", "line": "removed tool 5.0"}
    ],
    "digest": "0123456789abcdef",
    "outcome": "listed",
}
HOLDS = {
    "outcome": "listed",
    "what": "",
    "warnings": [],
    "holds": [
        {
            "id": "1" * 64,
            "kind": "package",
            "value": "x-1-1",
            "label": "x-1-1",
            "actor": "bob",
            "reason": "crashes",
            "time": "2026-01-02T03:04:05Z",
        }
    ],
}
PROMOTED: dict[str, Any] = {
    "outcome": "promoted",
    "environment": "prod",
    "ring": "pilot",
    "actor": "alice",
    "build": {"version": "44.3", "checksum": BUILD},
    "release": {"version": "44.3", "checksum": "f" * 64, "serial": 3},
    "moves": [{"ref": f"{HOME}/pilot", "from": PILOT, "to": "f" * 64}],
    "repaired": [],
    "packages": PLAN["packages"],
    "rings": {"pilot": "44.3", "stable": "44.1"},
    "next": {"task": "promote", "data": {"ring": "stable"}},
}
COMPOSED = {
    "outcome": "unchanged",
    "environment": "dev",
    "version": "44.3",
    "checksum": BUILD,
    "packages": {"added": [], "removed": [], "upgraded": [], "downgraded": []},
    "disk": {"repository_bytes": 1 << 30, "free_bytes": 1 << 40},
    "actor": "alice",
    "next": {"task": "promote", "data": {}},
}


def server(
    plan: dict[str, Any] = PLAN, promotion: dict[str, Any] = PROMOTED, progress: str = "staging"
) -> dict[str, Any]:
    """Answers of a repository server."""
    return {
        "approver approve": answered(APPROVAL),
        "approver hold": answered(HOLDS),
        "--plan": answered(plan),
        "report-health": answered({"heard": 1, "recorded": [], "elsewhere": []}),
        "status": answered(STATUS),
        "promoter promote": followed(promotion, progress),
        "composer builds": answered(
            {
                "environment": "dev",
                "builds": [{"version": "44.3", "checksum": BUILD, "timestamp": 1795000000, "signed": True}],
                "next": {"task": "compose", "data": {}},
            }
        ),
        "composer compose": followed(COMPOSED, "compose output"),
        "' certificate ;": said(
            "== key", base64.b64encode(KEY).decode(), "== certificate", *CERTIFICATE.splitlines()
        ),
    }


def client(
    ref: str,
    checksum: str,
    declared: bool,
    transaction: list[str] | None = None,
    health: Sequence[str] = (),
    architecture: str = "x86_64",
) -> dict[str, Any]:
    """Answers of a client that runs one deployment of a ref; health: lines of its report."""
    status = copy.deepcopy(recorded_status("fresh"))
    deployment = status["deployments"][0]
    deployment.update(checksum=checksum, origin=ref, version="44.x")
    status["transaction"] = transaction
    settings = [
        '[remote "kinoite-prod"]',
        "url=https://images.lab:8443/repo/kinoite/prod",
        "gpg-verify=true",
        "tls-ca-path=/etc/ostree/certificates/kinoite-prod.crt",
    ]
    state = [
        "== boot",
        BOOT,
        "== architecture",
        architecture,
        "== status",
        *json.dumps(status, indent=2).splitlines(),
        "== remote",
    ]
    state += settings if declared else []
    state += ["== keyring", *([base64.b64encode(KEY).decode()] if declared else [])]
    state += ["== ca", *([base64.b64encode(CERTIFICATE.encode()).decode()] if declared else [])]
    state += ["== health", *health, "== health unit", "== end"]
    name = ref.partition(":")[2]
    published = {f"{HOME}/pilot": PILOT, f"{HOME}/stable": STABLE}.get(name, "d" * 64)
    summary = [f"== {name}", f"* {name}", "    Latest Commit (1 kB):", f"      {published}", ""]
    summary += ["Repository Mode (ostree.summary.mode): archive-z2"]
    return {"begin boot": said(*state), "remote summary": said(*summary)}


GOOD = client(f"kinoite-prod:{HOME}/pilot", PILOT, declared=True)
BEHIND = client(f"kinoite-prod:{HOME}/pilot", STABLE, declared=True)
ILL = client(
    f"kinoite-dev:{HOME}/dev",
    BUILD,
    declared=True,
    health=["format 1", f"boot {BOOT}", "state unhealthy", "system degraded", "failed lab-ill.service"],
)
NEW = client("fedora:fedora/44/x86_64/kinoite", "e" * 64, declared=False)
BUSY = client(f"kinoite-prod:{HOME}/pilot", PILOT, declared=True, transaction=["Upgrade", ":1.5", "/org"])
ARM = client("fedora:fedora/44/aarch64/kinoite", "e" * 64, declared=False, architecture="aarch64")
GONE = None


def pyinfra(
    folder: Path,
    arguments: list[str],
    clients: dict[str, Any] | None = None,
    servers: Any = None,
    cwd: Path = ROOT,
) -> Run:
    """Run pyinfra on a fleet of fakes.

    folder: where the inventory is written; clients: answers by name, GONE for one that does not answer;
    servers: answers of the server; cwd: where pyinfra is started.
    """
    quick = {"fake_delay": 0, "fake_delay_jitter": 0}
    hosts = []
    for name, answers in (clients or {}).items():
        data: dict[str, Any] = {"ostree_image_server": "@fake/server", "ostree_follows": "pilot"}
        if answers is GONE:
            data |= {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "ssh_connect_retries": 0}
            hosts.append((name, data))
        else:
            hosts.append((f"@fake/{name}", data | quick | {"fake_responses": answers}))
    answers = server() if servers is None else servers
    data = {"ostree_public_name": "images.lab", "fake_responses": answers, **quick}
    images = [("@fake/server", data)]
    inventory = inventory_file(folder)
    inventory.write_text(f"image_servers = {images!r}\nclients = {hosts!r}\n")
    run = command_line.pyinfra(str(inventory), *arguments, cwd=cwd)
    assert "Traceback" not in run.out + run.err, run.err
    return run


def inventory_file(folder: Path) -> Path:
    """Return the inventory that a run in a folder has."""
    return folder / "fleet.py"


def typed(folder: Path) -> str:
    """Return how pyinfra is started, as it says what to type next."""
    return f"{command_line.TYPED} {inventory_file(folder)}"


def changes(document: dict[str, Any]) -> dict[str, list[str]]:
    """Name the operations of a plan that would change something, each with its hosts."""
    return {each["name"]: each["hosts_with_change"] for each in document["plan"] if each["hosts_with_change"]}
