"""The package repositories that a compose reads, as group data describes them."""

from collections.abc import Mapping
from typing import Any

from tasks.settings import rules
from tasks.settings.reader import problem, read_values, refuse_unknown
from tasks.settings.rules import Parts, Rule, Wrong, shown

RULES: dict[str, Rule[Any]] = {
    "name": rules.label,
    "baseurl": rules.package_url,
    "metalink": rules.package_url,
    "gpgcheck": rules.switch,
    "gpgkey": rules.package_url,
}


def by_id(value: object) -> dict[str, dict[str, object]]:
    """Package repositories by id, with name and gpgcheck filled in; raises Wrong or Parts."""
    if not isinstance(value, Mapping):
        raise Wrong("a dictionary: a repository's id -> the keys of its .repo file")
    problems: list[str] = []
    checked: dict[str, dict[str, object]] = {}
    for key, keys in value.items():
        label = f"[{shown(key)}]"
        try:
            identity = rules.component(key)
        except Wrong as wrong:
            problems.append(f"{label}: a repository's id must be {wrong}")
            continue
        if not isinstance(keys, Mapping):
            problems.append(problem(label, keys, "a dictionary such as {'baseurl': 'https://…'}"))
            continue
        inner = f"{label}['{{}}']"
        refuse_unknown(keys, RULES, inner, problems)
        values = {"name": identity, "gpgcheck": True} | read_values(keys, RULES, inner, problems)
        if "baseurl" not in keys and "metalink" not in keys:
            problems.append(f"{label} = {shown(keys)}: must have a baseurl or a metalink")
        if values["gpgcheck"] and "gpgkey" not in keys:
            problems.append(f"{label} = {shown(keys)}: must have a gpgkey, or 'gpgcheck': False")
        checked[identity] = values
    if problems:
        raise Parts(*problems)
    return checked
