"""The package repositories that a compose reads, as group data describes them."""

from collections.abc import Mapping
from typing import Any

from tasks.settings import rules
from tasks.settings.reader import problem, read_values, refuse_unknown
from tasks.settings.rules import Rule, shown

RULES: dict[str, Rule[Any]] = {
    "name": rules.label,
    "baseurl": rules.package_url,
    "metalink": rules.package_url,
    "gpgcheck": rules.switch,
    "gpgkey": rules.package_url,
}


def package_repositories(value: object, setting: str, problems: list[str]) -> dict[str, dict[str, object]]:
    """Check the repositories and add what is wrong to the problems.

    value: id -> keys of a .repo file, with gpgcheck True where it is not given.
    setting: the setting's name, for the problems.
    Returns id -> keys, with name and gpgcheck filled in.
    """
    if not isinstance(value, Mapping):
        problems.append(
            problem(setting, value, "a dictionary: a repository's id -> the keys of its .repo file")
        )
        return {}
    checked: dict[str, dict[str, object]] = {}
    for key, keys in value.items():
        label = f"{setting}[{shown(key)}]"
        try:
            identity = rules.component(key)
        except rules.Wrong as wrong:
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
    return checked
