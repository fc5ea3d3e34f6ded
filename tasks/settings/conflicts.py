"""What is wrong between settings, and between environments, that are right each on its own."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ostree_release.config import local_treefile
from tasks.settings import places, rules
from tasks.settings.declared import ENVIRONMENT, PREFIX, Environment
from tasks.settings.reader import near_miss, problem
from tasks.settings.rules import shown


class _Place(NamedTuple):
    """A path, alias or ref that is taken: by which setting, its value, and in words by what."""

    label: str
    value: object
    place: str
    owner: str


def find_conflicts(
    environments: tuple[Environment, ...], values: Mapping[str, Any], data: Mapping[str, object]
) -> list[str]:
    """Find settings that do not go together: ports, paths, aliases, refs, and what promotes from what.

    + environments: those that could be read
    + values: the server's other settings, as far as they are right, by name without ostree_
    + data: the group data that all come from
    Returns one line for each problem.
    """
    return [
        *_sources(environments, data),
        *_rings(environments),
        *_refs(environments),
        *_repositories(environments, values.get("base_path")),
        *_aliases(environments, values.get("keys_alias")),
        *_ports(values),
        *_certificate(values),
        *_composed(values, data, environments),
        *_folder(values, environments),
    ]


def _label(environment: Environment, key: str) -> str:
    return f"{ENVIRONMENT}{environment.name}[{key!r}]"


def _sources(found: tuple[Environment, ...], data: Mapping[str, object]) -> Iterator[str]:
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
            yield f"{problem(label, each.promotes_from, right)}; there is no such environment{hint}"
        elif not source.composed:
            why = "itself" if source is each else f"{source.name}, which is promoted itself"
            yield f"{problem(label, each.promotes_from, right)}, not {why}"
        elif each.enabled and not source.enabled:
            yield f"{problem(label, each.promotes_from, right)}; {source.name} is switched off (enabled)"


def _rings(found: tuple[Environment, ...]) -> Iterator[str]:
    names = {each.name for each in found}
    for each in found:
        for ring in each.rings:
            if ring.name in names:
                rings = shown([ring.name for ring in each.rings])
                label = _label(each, "rings")
                yield f"{label} = {rings}: must not have a ring named like the environment {ring.name}"


def _repositories(found: tuple[Environment, ...], base: str | None) -> Iterator[str]:
    if base is None:
        return
    taken = [_Place("ostree_base_path", base, str(places.public_keys(base)), "place of the public keys")]
    for each in found:
        label = _label(each, "repository")
        path = str(each.repository)
        if path.startswith(f"{base}/"):
            taken.append(_Place(label, path, path, f"repository of {each.name}"))
        else:
            yield problem(label, path, f"a directory in ostree_base_path, {base!r}")
    yield from _apart(taken)


def _aliases(found: tuple[Environment, ...], keys: str | None) -> Iterator[str]:
    taken = [_Place("ostree_keys_alias", keys, keys, "alias of the public keys")] if keys else []
    taken += [
        _Place(_label(each, "alias"), each.alias, each.alias, f"alias of {each.name}") for each in found
    ]
    return _apart(taken)


def _refs(found: tuple[Environment, ...]) -> Iterator[str]:
    refs = []
    for each in found:
        label = _label(each, "ref")
        if not each.composed and not each.home:
            right = "a ref of two or more components, such as 'acme/kinoite/stable'"
            yield problem(label, each.ref, right)
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
    yield from _apart(refs)


def _apart(places: list[_Place]) -> Iterator[str]:
    """Yield a problem for each setting with a place that equals, contains or lies in an earlier one.

    A ref is a file below refs/heads, so that one ref cannot be another's directory either.
    """
    named = set()
    for index, one in enumerate(places):
        for other in places[:index]:
            if rules.overlap(one.place, other.place) and one.label not in named:
                named.add(one.label)
                subject = "" if one.value == one.place else f"{one.place} "
                start = f"{one.label} = {shown(one.value)}: {subject}must be apart from the"
                yield f"{start} {other.owner}, {other.place}"


def _ports(values: Mapping[str, Any]) -> Iterator[str]:
    http = values.get("http_port")
    if http is not None and http == values.get("https_port"):
        yield problem("ostree_http_port", http, "another port than ostree_https_port")


def _certificate(values: Mapping[str, Any]) -> Iterator[str]:
    certificate, key = "tls_certificate", "tls_key"
    for one, other in ((certificate, key), (key, certificate)):
        if values.get(one) and other in values and values[other] is None:
            right = f"set together with {PREFIX}{other}, which is None"
            yield problem(f"{PREFIX}{one}", values[one], right)
    if values.get("tls_ca") and not values.get("join_virtual_host") and values.get(certificate, "") is None:
        yield (
            f"ostree_tls_ca = {values['tls_ca']!r}: must be None without ostree_tls_certificate;"
            " deploy.py makes a private CA then"
        )


def _composed(
    values: Mapping[str, Any], data: Mapping[str, object], environments: tuple[Environment, ...]
) -> Iterator[str]:
    composed = {each.name: each.composed for each in environments}
    chosen = values.get("compose_environments", ())
    there = ", ".join(name for name in sorted(composed) if composed[name]) or "none"
    for name in chosen:
        # One that is not among those read, but in the data, has a problem of its own.
        if not composed.get(name, f"{ENVIRONMENT}{name}" in data):
            why = "is promoted, not composed" if name in composed else "does not exist"
            right = f"a list of composed environments (there are: {there}); {name} {why}"
            yield problem("ostree_compose_environments", list(chosen), right)


def _folder(values: Mapping[str, Any], environments: tuple[Environment, ...]) -> Iterator[str]:
    folder, image = values.get("treefile_folder"), values.get("image_name")
    if folder is None or image is None:
        return
    treefiles = [places.treefile(image, each.name) for each in environments]
    ours = {f"{image}.repo", *(each.name for file in treefiles for each in (file, local_treefile(file)))}
    for name in rules.folder_files(folder):
        if name.partition("/")[0] in ours:
            right = f"a folder without {name!r}, which is the name of a file that deploy.py or the server has"
            yield problem("ostree_treefile_folder", folder, right)
