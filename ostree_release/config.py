"""The configuration that `deploy.py` wrote: read once, checked strictly, frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import freeze
from . import policy as policies
from .errors import Refused
from .policy import Policy

FORMAT = 2
DEFAULT_PATH = Path("/etc/ostree-release/config.json")

_TOP = {
    "format": int,
    "image": str,
    "public_name": str,
    "ca_file": (str, type(None)),
    "certificate": (str, type(None)),
    "state": str,
    "run": str,
    "minimum_free_bytes": int,
    "release": str,
    "gates_directory": str,
    "environments": dict,
    "ci_keys": dict,
}
_COMMON = {"repository": str, "url": str, "ref": str, "owner": str, "gnupghome": str, "public_key": str}
_COMPOSED = {**_COMMON, "treefile": str, "cache": str}
_PROMOTING = {**_COMMON, "promotes_from": str, "rings": list, "signing": str, "policy": dict, "freeze": list}
_RING = {"name": str, "ref": str}
_POLICY = {"gates": dict, "approval": dict}
SIGNING = ("server", "offline")
_CI_KEY = {"fingerprint": str, "subcommands": list}
_PATHS = (
    *("repository", "gnupghome", "public_key", "treefile", "cache"),
    *("state", "run", "ca_file", "certificate", "gates_directory"),
)


@dataclass(frozen=True)
class Ring:
    """A ref that clients follow."""

    name: str
    ref: str


@dataclass(frozen=True)
class Environment:
    """A repository with its ref; either composed (treefile, cache) or promoting (promotes_from, rings)."""

    name: str
    repository: Path
    url: str
    ref: str
    owner: str
    gnupghome: Path
    public_key: Path
    treefile: Path | None = None
    cache: Path | None = None
    promotes_from: str | None = None
    rings: tuple[Ring, ...] = ()
    signing: str = "server"
    policy: Policy | None = None
    freeze: tuple[str, ...] = ()

    @property
    def composed(self) -> bool:
        """Whether images are composed here, not promoted to here."""
        return self.promotes_from is None

    @property
    def offline(self) -> bool:
        """Whether its secret key is never on this server, so that only a laptop can sign."""
        return self.signing == "offline"

    @property
    def home(self) -> str:
        """The part of the ref that the environment's refs share."""
        return self.ref.rpartition("/")[0]

    def candidate_ref(self, version: str) -> str:
        """Return the ref of a candidate."""
        return f"{self.home}/candidate/{version}"

    def release_ref(self, version: str) -> str:
        """Return the ref of a release."""
        return f"{self.home}/releases/{version}"

    @property
    def rules(self) -> Policy:
        """The policy of a promoting environment."""
        assert self.policy is not None
        return self.policy

    def rings_up_to(self, name: str) -> tuple[Ring, ...]:
        """Return the rings from the first to that of a name; refuse a name that is none of ours."""
        return self.rings[: self.rings.index(self.ring(name)) + 1]

    def ring(self, name: str | None) -> Ring:
        """Return the ring of that name, or the first one; refuse a name that is none of ours."""
        for ring in self.rings:
            if name in (None, ring.name):
                return ring
        known = ", ".join(ring.name for ring in self.rings)
        raise Refused(f"ring {name!r}: {self.name} has no such ring, only {known}")


@dataclass(frozen=True)
class CiKey:
    """An SSH key of the CI: its name, its fingerprint (SHA256:...), and what it may run."""

    name: str
    fingerprint: str
    subcommands: tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """Everything that the server was told.

    minimum_free_bytes: what a compose must find free; gates_directory: the administrator's own gates.
    """

    image: str
    public_name: str
    ca_file: Path | None
    certificate: Path | None
    state: Path
    run: Path
    minimum_free_bytes: int
    release: str
    gates_directory: Path
    environments: tuple[Environment, ...]
    ci_keys: tuple[CiKey, ...]

    def environment(self, name: str) -> Environment:
        """Return the environment of that name, or refuse."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        known = ", ".join(environment.name for environment in self.environments)
        raise Refused(f"environment {name!r}: not on this server, which has {known}")

    def composed(self, name: str) -> Environment:
        """Return a composed environment, or refuse one that promotes."""
        environment = self.environment(name)
        if not environment.composed:
            source = environment.promotes_from
            raise Refused(f"{name} is not composed: it gets its images by promotion from {source}")
        return environment

    def promoting(self, name: str) -> tuple[Environment, Environment]:
        """Return a promoting environment and the one it promotes from, or refuse one that is composed."""
        environment = self.environment(name)
        if environment.promotes_from is None:
            raise Refused(f"{name} is composed: nothing is promoted to it")
        return environment, self.environment(environment.promotes_from)

    def ci_key(self, name: str) -> CiKey:
        """Return the CI's key of that name, or refuse."""
        for key in self.ci_keys:
            if key.name == name:
                return key
        raise Refused(f"key {name!r}: ostree_ci_keys has no such key: deploy the server again")

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.state / "journal.jsonl"

    def as_json(self) -> dict[str, Any]:
        """Return what the subcommand `config` prints."""
        return {
            "image": self.image,
            "public_name": self.public_name,
            "environments": {
                environment.name: {
                    "repository": str(environment.repository),
                    "url": environment.url,
                    "ref": environment.ref,
                    "owner": environment.owner,
                    "promotes_from": environment.promotes_from,
                    "rings": [{"name": ring.name, "ref": ring.ref} for ring in environment.rings],
                    "signing": environment.signing,
                    "policy": environment.policy.as_json() if environment.policy else None,
                    "freeze": list(environment.freeze),
                }
                for environment in self.environments
            },
            "ci_keys": {
                key.name: {"fingerprint": key.fingerprint, "subcommands": list(key.subcommands)}
                for key in self.ci_keys
            },
        }


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
    _check("", content, _TOP, problems)
    if problems:
        raise Refused(*(f"{origin}: {problem}" for problem in problems))
    assert isinstance(content, dict)
    if content["format"] != FORMAT:
        raise Refused(f"{origin}: format: {content['format']} is not {FORMAT}: deploy the server again")
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
        release=content["release"],
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
