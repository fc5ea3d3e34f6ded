"""Environments out of group data: their defaults, and that none is in another's way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks import settings_rules as rules
from tasks.settings_reader import near_miss, problem, read_values, refuse_unknown
from tasks.settings_rules import Rule, Wrong, shown

PREFIX = "ostree_environment_"
ARCHITECTURE = "x86_64"
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
    "signing_key": rules.optional(rules.laptop_file),
}
ONLY_COMPOSED = ("packages", "exclude_packages")


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
    signing_key: str | None

    @property
    def composed(self) -> bool:
        """Whether builds are composed here (otherwise releases are promoted to here)."""
        return self.promotes_from is None

    @property
    def home(self) -> str:
        """What its refs have in common, without a slash at the end."""
        return self.ref.rpartition("/")[0]


def read_environments(
    data: Mapping[str, object], image: str, base: str | None, keys_alias: str | None, problems: list[str]
) -> tuple[Environment, ...]:
    """Read every ostree_environment_NAME; add what is wrong with one, or between two, to the problems.

    image: the image's name.
    base: directory that holds every repository; None if it is not known.
    keys_alias: URL path of the public keys; None if it is not known.
    Returns those environments that could be read, by name.
    """
    found = []
    for key in sorted(key for key in data if isinstance(key, str) and key.startswith(PREFIX)):
        environment = _read_environment(key, data[key], image, base or "/", problems)
        if environment:
            found.append(environment)
    _check_sources(found, data, problems)
    _check_rings(found, problems)
    _check_refs(found, problems)
    repositories = [
        (_label(each, "repository"), each.repository, f"repository of {each.name}") for each in found
    ]
    aliases = [(_label(each, "alias"), each.alias, f"alias of {each.name}") for each in found]
    if base:
        for label, repository, _ in repositories:
            if not repository.startswith(f"{base}/"):
                problems.append(problem(label, repository, f"a directory in ostree_base_path, {base!r}"))
        repositories.insert(0, ("ostree_base_path", f"{base}/keys", "place of the public keys"))
    if keys_alias:
        aliases.insert(0, ("ostree_keys_alias", keys_alias, "alias of the public keys"))
    _check_apart(repositories, problems)
    _check_apart(aliases, problems)
    return tuple(found)


def _label(environment: Environment, key: str) -> str:
    return f"{PREFIX}{environment.name}[{key!r}]"


def _read_environment(
    key: str, value: object, image: str, base: str, problems: list[str]
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
    if value.get("promotes_from") is None and "rings" in value:
        problems.append(
            f"{key}['rings'] = {shown(value['rings'])}: only an environment with promotes_from has rings"
        )
    for only in ONLY_COMPOSED:
        if source is not None and only in value:
            problems.append(
                f"{key}['{only}'] = {shown(value[only])}: set it for {source}, which is composed;"
                f" {name} gets what {source} was tested with"
            )
    if len(problems) > before:
        return None
    return _with_defaults(name, source, values, image, base)


def _with_defaults(
    name: str, source: str | None, values: Mapping[str, Any], image: str, base: str
) -> Environment:
    names: tuple[str, ...] = () if source is None else values.get("rings", DEFAULT_RINGS)
    root = f"fedora/{ARCHITECTURE}/{image}"
    if source is None:
        default_ref = f"{root}/{name}"
    else:
        default_ref = f"{root}/{names[-1]}" if name == "prod" else f"{root}/{name}/{names[-1]}"
    ref = values.get("ref", default_ref)
    home = ref.rpartition("/")[0]
    # A ref's directory is shared by all of its rings; only the last one may have another name than its ring.
    refs = [f"{home}/{ring}" if home else ring for ring in names[:-1]] + [ref]
    return Environment(
        name=name,
        enabled=values.get("enabled", True),
        repository=values.get("repository", f"{base.rstrip('/')}/{name}"),
        alias=values.get("alias", f"/repo/{image}/{name}"),
        ref=ref,
        promotes_from=source,
        rings=tuple(Ring(ring, ring_ref) for ring, ring_ref in zip(names, refs, strict=False)),
        packages=values.get("packages", ()),
        exclude_packages=values.get("exclude_packages", ()),
        signing_key=values.get("signing_key"),
    )


def _check_sources(found: list[Environment], data: Mapping[str, object], problems: list[str]) -> None:
    environments = {each.name: each for each in found}
    composed = [each.name for each in found if each.composed]
    for each in found:
        if each.promotes_from is None:
            continue
        source = environments.get(each.promotes_from)
        label = _label(each, "promotes_from")
        right = "a composed environment" + (f" ({', '.join(composed)})" if composed else "")
        if source is None and PREFIX + each.promotes_from in data:
            continue  # that environment is there and has a problem of its own
        if source is None:
            hint = near_miss(each.promotes_from, environments)
            problems.append(
                f"{problem(label, each.promotes_from, right)}; there is no such environment{hint}"
            )
        elif not source.composed:
            why = "itself" if source is each else f"{source.name}, which is promoted itself"
            problems.append(f"{problem(label, each.promotes_from, right)}, not {why}")
        elif each.enabled and not source.enabled:
            problems.append(
                f"{problem(label, each.promotes_from, right)}; {source.name} is switched off (enabled)"
            )


def _check_rings(found: list[Environment], problems: list[str]) -> None:
    names = {each.name for each in found}
    for each in found:
        for ring in each.rings:
            if ring.name in names:
                names_of_rings = shown([ring.name for ring in each.rings])
                problems.append(
                    f"{_label(each, 'rings')} = {names_of_rings}: must not have a ring named like the"
                    f" environment {ring.name}"
                )


def _check_refs(found: list[Environment], problems: list[str]) -> None:
    refs = []
    for each in found:
        if each.composed:
            refs.append((_label(each, "ref"), each.ref, f"ref of {each.name}"))
            continue
        if not each.home:
            problems.append(
                problem(
                    _label(each, "ref"), each.ref, "a ref of two or more components, the last ring's (such as"
                )
                + f" 'fedora/{ARCHITECTURE}/kinoite/stable')"
            )
            continue
        # Reserved before the rings, so that a ring in their way is the one that is named.
        for space in ("candidate", "releases"):
            refs.append((_label(each, "ref"), f"{each.home}/{space}", f"place of {each.name}'s {space}"))
        for ring in each.rings[:-1]:
            refs.append((_label(each, "rings"), ring.ref, f"ref of {each.name}'s ring {ring.name}"))
        refs.append((_label(each, "ref"), each.ref, f"ref of {each.name}"))
    _check_apart(refs, problems)


def _check_apart(places: list[tuple[str, str, str]], problems: list[str]) -> None:
    """Add a problem for each place that equals, contains or lies in an earlier one.

    A ref is a file below refs/heads, so that one ref cannot be another's directory either.
    """
    for index, (label, place, _) in enumerate(places):
        for _, other, owner in places[:index]:
            if f"{place}/".startswith(f"{other}/") or f"{other}/".startswith(f"{place}/"):
                problems.append(f"{label} = {place!r}: must be apart from the {owner}, {other!r}")
                break
