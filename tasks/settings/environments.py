"""Environments out of group data, with their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostree_release import policy as policies
from ostree_release.config import SIGNING
from ostree_release.model import DEFAULT_ENVIRONMENT
from ostree_release.policy import Policy
from tasks.settings import rules
from tasks.settings.reader import problem, read_values, refuse_unknown
from tasks.settings.rules import Rule, Wrong, shown
from tasks.signing.keyring import dearmored, fingerprints, has_secret

PREFIX = "ostree_environment_"
DEFAULT_RINGS = ("pilot", "stable")

RULES: dict[str, Rule[Any]] = {
    "enabled": rules.switch,
    "promotes_from": rules.optional(rules.environment_name),
    "rings": rules.listed(rules.component, empty=False),
    "repository": rules.absolute_path,
    "alias": rules.alias,
    "ref": rules.ref,
    "packages": rules.listed(rules.package),
    "exclude_packages": rules.listed(rules.package),
    "signing": rules.choice(*SIGNING),
    "signing_key": rules.optional(rules.laptop_file),
    "gates": rules.dictionary,
    "approval": rules.dictionary,
    "auto": rules.dictionary,
}
AUTO_RULES: dict[str, Rule[Any]] = {
    "enabled": rules.switch,
    "freeze": rules.listed(rules.freeze_window),
}
ONLY_COMPOSED = ("packages", "exclude_packages")
ONLY_PROMOTING = ("rings", "signing", "gates", "approval", "auto")


@dataclass(frozen=True)
class Ring:
    """A ref that clients follow; the rings of an environment are in the order of a roll-out."""

    name: str
    ref: str


@dataclass(frozen=True)
class Environment:
    """A repository with its ref, alias and key: composed, or promoted from a composed one."""

    name: str
    enabled: bool
    repository: str
    alias: str
    ref: str
    promotes_from: str | None
    rings: tuple[Ring, ...]
    packages: tuple[str, ...]
    exclude_packages: tuple[str, ...]
    signing: str
    signing_key: str | None
    policy: Policy
    automatic: bool
    freeze: tuple[str, ...]

    @property
    def composed(self) -> bool:
        """Whether builds are composed here (otherwise releases are promoted to here)."""
        return self.promotes_from is None

    @property
    def offline(self) -> bool:
        """Whether the server never has its secret key."""
        return self.signing == "offline"

    @property
    def home(self) -> str:
        """What its refs have in common, without a slash at the end."""
        return self.ref.rpartition("/")[0]


def read_environments(
    data: Mapping[str, object], architecture: str, image: str, base: str, problems: list[str]
) -> tuple[Environment, ...]:
    """Read every ostree_environment_NAME; add what is wrong with one to the problems.

    architecture: the image's, as it stands in default refs.
    image: the image's name.
    base: directory that holds every repository.
    Returns those environments that could be read, by name.
    """
    found = []
    for key in sorted(key for key in data if isinstance(key, str) and key.startswith(PREFIX)):
        environment = _read_environment(key, data[key], architecture, image, base, problems)
        if environment:
            found.append(environment)
    return tuple(found)


def _read_environment(
    key: str, value: object, architecture: str, image: str, base: str, problems: list[str]
) -> Environment | None:
    before = len(problems)
    try:
        name = rules.environment_name(key.removeprefix(PREFIX))
    except Wrong as wrong:
        problems.append(f"{shown(key)[1:-1]}: the environment's name must be {wrong}")
        return None
    if not isinstance(value, Mapping):
        problems.append(problem(key, value, "a dictionary such as {'enabled': True}"))
        return None
    label = f"{key}['{{}}']"
    refuse_unknown(value, RULES, label, problems)
    values = read_values(value, RULES, label, problems)
    source = values.get("promotes_from")
    for only in ONLY_PROMOTING:
        if value.get("promotes_from") is None and only in value:
            problems.append(
                f"{key}['{only}'] = {shown(value[only])}: only an environment with promotes_from has {only}"
            )
    for only in ONLY_COMPOSED:
        if source is not None and only in value:
            problems.append(
                f"{key}['{only}'] = {shown(value[only])}: set it for {source}, which is composed;"
                f" {name} gets what {source} was tested with"
            )
    policy, not_allowed = policies.read(values.get("gates", {}), values.get("approval", {}))
    for each in not_allowed:
        keys = "".join(f"['{name}']" for name in each.path)
        problems.append(problem(f"{key}{keys}", each.value, each.words))
    auto_label = f"{key}['auto']['{{}}']"
    given = values.get("auto", {})
    refuse_unknown(given, AUTO_RULES, auto_label, problems)
    auto = read_values(given, AUTO_RULES, auto_label, problems)
    _check_offline_key(f"{key}['signing_key']", values, problems)
    if len(problems) > before:
        return None
    return _with_defaults(name, source, {**values, "auto": auto}, policy, architecture, image, base)


def _check_offline_key(label: str, values: Mapping[str, Any], problems: list[str]) -> None:
    """With offline signing, the file must be there and hold public keys only, no secret one."""
    if values.get("signing") != "offline":
        return
    file = values.get("signing_key")
    right = "the file of a public key (gpg --export KEY), because signing is 'offline'"
    if file is None:
        problems.append(problem(label, file, right))
        return
    try:
        content = dearmored(Path(file).expanduser().read_bytes())
        if has_secret(content):
            problems.append(
                problem(label, file, f"{right}; this one holds a secret key, which stays with you")
            )
        elif not fingerprints(content):
            problems.append(problem(label, file, right))
    except (OSError, ValueError) as error:
        problems.append(problem(label, file, f"{right}; {error}"))


def _with_defaults(
    name: str,
    source: str | None,
    values: Mapping[str, Any],
    policy: Policy,
    architecture: str,
    image: str,
    base: str,
) -> Environment:
    names: tuple[str, ...] = () if source is None else values.get("rings", DEFAULT_RINGS)
    root = f"fedora/{architecture}/{image}"
    if source is None:
        default_ref = f"{root}/{name}"
    else:
        default_ref = f"{root}/{names[-1]}" if name == DEFAULT_ENVIRONMENT else f"{root}/{name}/{names[-1]}"
    ref = values.get("ref", default_ref)
    home = ref.rpartition("/")[0]
    # A ref's directory is shared by all of its rings; only the last one may have another name than its ring.
    refs = [f"{home}/{ring}" if home else ring for ring in names[:-1]] + [ref]
    return Environment(
        name=name,
        enabled=values.get("enabled", True),
        repository=values.get("repository", f"{base}/{name}"),
        alias=values.get("alias", f"/repo/{image}/{name}"),
        ref=ref,
        promotes_from=source,
        rings=tuple(Ring(ring, ring_ref) for ring, ring_ref in zip(names, refs, strict=False)),
        packages=values.get("packages", ()),
        exclude_packages=values.get("exclude_packages", ()),
        signing=values.get("signing", SIGNING[0]),
        signing_key=values.get("signing_key"),
        policy=policy,
        automatic=values["auto"].get("enabled", False),
        freeze=values["auto"].get("freeze", ()),
    )
