"""What is wrong between environments that are right each on its own."""

from collections.abc import Mapping
from typing import NamedTuple

from tasks.settings.declared import ENVIRONMENT, Environment
from tasks.settings.reader import near_miss, problem
from tasks.settings.rules import shown


class _Place(NamedTuple):
    """A path, alias or ref that is taken: by which setting, its value, and in words by what."""

    label: str
    value: object
    place: str
    owner: str


def find_conflicts(
    environments: tuple[Environment, ...],
    data: Mapping[str, object],
    base: str | None,
    keys_alias: str | None,
) -> list[str]:
    """Find environments that promote from the wrong one, or share a path, an alias or a ref.

    + environments: those that could be read
    + data: the group data they come from
    + base: directory that holds every repository; None if it is not known
    + keys_alias: URL path of the public keys; None if it is not known
    Returns one line for each problem.
    """
    problems: list[str] = []
    _check_sources(environments, data, problems)
    _check_rings(environments, problems)
    _check_refs(environments, problems)
    if base:
        _check_repositories(environments, base, problems)
    aliases = []
    if keys_alias:
        aliases.append(_Place("ostree_keys_alias", keys_alias, keys_alias, "alias of the public keys"))
    for each in environments:
        aliases.append(_Place(_label(each, "alias"), each.alias, each.alias, f"alias of {each.name}"))
    _check_apart(aliases, problems)
    return problems


def _label(environment: Environment, key: str) -> str:
    return f"{ENVIRONMENT}{environment.name}[{key!r}]"


def _check_sources(found: tuple[Environment, ...], data: Mapping[str, object], problems: list[str]) -> None:
    environments = {each.name: each for each in found}
    composed = [each.name for each in found if each.composed]
    for each in found:
        if each.promotes_from is None:
            continue
        source = environments.get(each.promotes_from)
        label = _label(each, "promotes_from")
        right = "a composed environment" + (f" ({', '.join(composed)})" if composed else "")
        if source is None and ENVIRONMENT + each.promotes_from in data:
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


def _check_rings(found: tuple[Environment, ...], problems: list[str]) -> None:
    names = {each.name for each in found}
    for each in found:
        for ring in each.rings:
            if ring.name in names:
                names_of_rings = shown([ring.name for ring in each.rings])
                problems.append(
                    f"{_label(each, 'rings')} = {names_of_rings}: must not have a ring named like the"
                    f" environment {ring.name}"
                )


def _check_repositories(found: tuple[Environment, ...], base: str, problems: list[str]) -> None:
    places = [_Place("ostree_base_path", base, f"{base}/keys", "place of the public keys")]
    for each in found:
        label = _label(each, "repository")
        path = str(each.repository)
        if path.startswith(f"{base}/"):
            places.append(_Place(label, path, path, f"repository of {each.name}"))
        else:
            problems.append(problem(label, path, f"a directory in ostree_base_path, {base!r}"))
    _check_apart(places, problems)


def _check_refs(found: tuple[Environment, ...], problems: list[str]) -> None:
    refs = []
    for each in found:
        label = _label(each, "ref")
        if not each.composed and not each.home:
            right = "a ref of two or more components, such as 'acme/kinoite/stable'"
            problems.append(problem(label, each.ref, right))
            continue
        if not each.composed:
            # Before the rings, so that a ring in their way is the one that is named.
            for space in ("candidate", "releases"):
                refs.append(
                    _Place(label, each.ref, f"{each.home}/{space}", f"place of {each.name}'s {space}")
                )
        rings = [ring.name for ring in each.rings]
        for ring in each.rings[:-1]:
            refs.append(
                _Place(_label(each, "rings"), rings, ring.ref, f"ref of {each.name}'s ring {ring.name}")
            )
        refs.append(_Place(label, each.ref, each.ref, f"ref of {each.name}"))
    _check_apart(refs, problems)


def _check_apart(places: list[_Place], problems: list[str]) -> None:
    """Add a problem for each setting with a place that equals, contains or lies in an earlier one.

    A ref is a file below refs/heads, so that one ref cannot be another's directory either.
    """
    named = set()
    for index, one in enumerate(places):
        for other in places[:index]:
            apart = not f"{one.place}/".startswith(f"{other.place}/") and not f"{other.place}/".startswith(
                f"{one.place}/"
            )
            if apart or one.label in named:
                continue
            named.add(one.label)
            subject = "" if one.value == one.place else f"{one.place} "
            problems.append(
                f"{one.label} = {shown(one.value)}: {subject}must be apart from the {other.owner},"
                f" {other.place}"
            )
