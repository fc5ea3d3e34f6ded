"""The configuration file that `deploy.py` wrote: read once, checked strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import freeze
from . import policy as policies
from .config import SIGNING, CiKey, Config, Environment, Ring
from .errors import Refused

FORMAT = 3

_TOP = {
    "format": int,
    "image": str,
    "public_name": str,
    "ca_file": (str, type(None)),
    "certificate": (str, type(None)),
    "state": str,
    "run": str,
    "minimum_free_bytes": int,
    "fedora_release": str,
    "gates_directory": str,
    "environments": dict,
    "ci_keys": dict,
}
_COMMON = {"repository": str, "url": str, "ref": str, "owner": str, "gnupghome": str, "public_key": str}
_COMPOSED = {**_COMMON, "treefile": str, "cache": str}
_PROMOTING = {**_COMMON, "promotes_from": str, "rings": list, "signing": str, "policy": dict, "freeze": list}
_RING = {"name": str, "ref": str}
_POLICY = {"gates": dict, "approval": dict}
_CI_KEY = {"fingerprint": str, "subcommands": list}
_PATHS = (
    *("repository", "gnupghome", "public_key", "treefile", "cache"),
    *("state", "run", "ca_file", "certificate", "gates_directory"),
)


def load(path: Path) -> Config:
    """Read and check the configuration; raises Refused with one line per problem."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path}: not JSON: {error}") from error
    return parse(content, str(path))


def parse(content: object, origin: str) -> Config:
    """Return the configuration that JSON content describes; origin: what problems are reported against."""
    problems: list[str] = []
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise Refused(f"{origin}: format: {content['format']} is not {FORMAT}: deploy the server again")
    _check("", content, _TOP, problems)
    if problems:
        raise Refused(*(f"{origin}: {problem}" for problem in problems))
    assert isinstance(content, dict)
    environments = content["environments"]
    for name, environment in environments.items():
        _check_environment(f"environments.{name}", environment, environments, problems)
    for name, key in content["ci_keys"].items():
        _check(f"ci_keys.{name}", key, _CI_KEY, problems)
    if problems:
        raise Refused(*(f"{origin}: {problem}" for problem in problems))
    return Config(
        image=content["image"],
        public_name=content["public_name"],
        ca_file=Path(content["ca_file"]) if content["ca_file"] else None,
        certificate=Path(content["certificate"]) if content["certificate"] else None,
        state=Path(content["state"]),
        run=Path(content["run"]),
        minimum_free_bytes=content["minimum_free_bytes"],
        fedora_release=content["fedora_release"],
        gates_directory=Path(content["gates_directory"]),
        environments=tuple(_environment(name, data) for name, data in environments.items()),
        ci_keys=tuple(
            CiKey(name, key["fingerprint"], tuple(key["subcommands"]))
            for name, key in content["ci_keys"].items()
        ),
    )


def _environment(name: str, data: Mapping[str, Any]) -> Environment:
    return Environment(
        name=name,
        repository=Path(data["repository"]),
        url=data["url"],
        ref=data["ref"],
        owner=data["owner"],
        gnupghome=Path(data["gnupghome"]),
        public_key=Path(data["public_key"]),
        treefile=Path(data["treefile"]) if "treefile" in data else None,
        cache=Path(data["cache"]) if "cache" in data else None,
        promotes_from=data.get("promotes_from"),
        rings=tuple(Ring(**ring) for ring in data.get("rings", ())),
        signing=data.get("signing", "server"),
        policy=policies.read(**data["policy"])[0] if "policy" in data else None,
        freeze=tuple(data.get("freeze", ())),
    )


def _check(where: str, data: object, keys: Mapping[str, Any], problems: list[str]) -> None:
    """Note every missing, unknown and wrongly typed key of an object."""
    if not isinstance(data, dict):
        problems.append(f"{where or 'the whole'}: {data!r} is not an object")
        return
    prefix = f"{where}." if where else ""
    problems += [f"{prefix}{key}: missing" for key in keys if key not in data]
    problems += [f"{prefix}{key}: unknown key" for key in data if key not in keys]
    for key, kind in keys.items():
        if key not in data:
            continue
        value = data[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            problems.append(f"{prefix}{key}: {value!r} has the wrong type")
        elif kind is str and not value:
            problems.append(f"{prefix}{key}: is empty")
        elif key in _PATHS and value is not None and not value.startswith("/"):
            problems.append(f"{prefix}{key}: {value!r} is not an absolute path")


def _check_environment(
    where: str, data: object, environments: Mapping[str, Any], problems: list[str]
) -> None:
    promoting = isinstance(data, dict) and "promotes_from" in data
    before = len(problems)
    _check(where, data, _PROMOTING if promoting else _COMPOSED, problems)
    if len(problems) > before or not isinstance(data, dict):
        return
    if not data["url"].startswith("https://"):
        problems.append(f"{where}.url: {data['url']!r} does not start with https://")
    if not promoting:
        return
    source = environments.get(data["promotes_from"])
    if not isinstance(source, dict) or "promotes_from" in source:
        problems.append(f"{where}.promotes_from: {data['promotes_from']!r} is not a composed environment")
    if not data["rings"]:
        problems.append(f"{where}.rings: at least one ring is needed")
        return
    if data["signing"] not in SIGNING:
        problems.append(f"{where}.signing: {data['signing']!r} is not one of {', '.join(SIGNING)}")
    _check_policy(f"{where}.policy", data["policy"], problems)
    problems += [
        f"{where}.freeze: {window!r}: must be {freeze.WORDS}"
        for window in data["freeze"]
        if not freeze.is_window(window)
    ]
    for index, ring in enumerate(data["rings"]):
        _check(f"{where}.rings[{index}]", ring, _RING, problems)
    if len(problems) > before:
        return
    if data["rings"][-1]["ref"] != data["ref"]:
        problems.append(f"{where}.ref: {data['ref']!r} is not the ref of the last ring")
    for key in ("name", "ref"):
        values = [ring[key] for ring in data["rings"]]
        problems += [
            f"{where}.rings: {key} {value!r} twice"
            for value in sorted(set(values))
            if values.count(value) > 1
        ]


def _check_policy(where: str, data: object, problems: list[str]) -> None:
    before = len(problems)
    _check(where, data, _POLICY, problems)
    if len(problems) == before and isinstance(data, dict):
        _, wrong = policies.read(data["gates"], data["approval"])
        for each in wrong:
            problems.append(f"{where}.{'.'.join(each.path)}: {each.value!r}: must be {each.words}")
