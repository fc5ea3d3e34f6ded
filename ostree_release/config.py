"""What the server was told, frozen: environments with their rings and policy, the CI's keys, places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from . import freeze
from .errors import NotAllowed, Problem, Refused
from .model import following
from .policy import Policy
from .text import command

DEFAULT_PATH = Path("/etc/ostree-release/config.json")
SIGNING = ("server", "offline")


def local_treefile(managed: Path) -> Path:
    """Return the treefile that an administrator of the server may put beside the managed one."""
    return managed.with_suffix(f".local{managed.suffix}")


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
    treefile: Optional[Path] = None
    cache: Optional[Path] = None
    promotes_from: Optional[str] = None
    rings: tuple[Ring, ...] = ()
    signing: str = SIGNING[0]
    policy: Optional[Policy] = None
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

    def bindings(self, version: str) -> frozenset[str]:
        """Return the refs that a release of that version is bound to: all it may ever be offered under."""
        own = (self.candidate_ref(version), self.release_ref(version))
        return frozenset((*own, *(ring.ref for ring in self.rings)))

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

    + minimum_free_bytes: what a compose must find free
    + smoke_sample: how many objects that are not new a smoke pull fetches
    + fedora_release: what versions begin with
    + gates_directory: of the administrator's own gates
    """

    image: str
    public_name: str
    ca_file: Optional[Path]
    certificate: Optional[Path]
    state: Path
    run: Path
    minimum_free_bytes: int
    smoke_sample: int
    fedora_release: str
    gates_directory: Path
    environments: tuple[Environment, ...]
    ci_keys: tuple[CiKey, ...]

    def __post_init__(self) -> None:
        """Raise NotAllowed for what does not go together."""
        problems = [problem for each in self.environments for problem in self._wrong(each)]
        if problems:
            raise NotAllowed(*problems)

    def _wrong(self, environment: Environment) -> Iterator[Problem]:
        def wrong(key: str, words: str) -> Problem:
            return Problem(("environments", environment.name, key), getattr(environment, key), words)

        if not environment.url.startswith("https://"):
            yield wrong("url", "a URL that begins with https://")
        if environment.composed:
            for key in ("treefile", "cache"):
                if getattr(environment, key) is None:
                    yield wrong(key, "set for what is composed")
            for key, none in (("rings", ()), ("freeze", ()), ("policy", None), ("signing", SIGNING[0])):
                if getattr(environment, key) != none:
                    yield wrong(key, f"{none!r} for what is composed")
            return
        if environment.promotes_from not in [each.name for each in self.environments if each.composed]:
            yield wrong("promotes_from", "a composed environment")
        if environment.signing not in SIGNING:
            yield wrong("signing", f"one of {', '.join(SIGNING)}")
        if environment.policy is None:
            yield wrong("policy", "set for what promotes")
        if not all(map(freeze.is_window, environment.freeze)):
            yield wrong("freeze", f"a list in which each item is {freeze.WORDS}")
        refs = [ring.ref for ring in environment.rings]
        apart = len(set(refs)) == len(refs) and all(
            ref.rpartition("/")[0] == environment.home for ref in refs
        )
        if not apart or refs[-1:] != [environment.ref]:
            rings = {ring.name: ring.ref for ring in environment.rings}
            right = f"rings with refs of their own beside {environment.ref}, which is the last one's"
            yield Problem(("environments", environment.name, "rings"), rings, right)

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
            way = command(following("promote", name))
            raise Refused(f"{name} is not composed: it gets its images by promotion from {source}: {way}")
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
