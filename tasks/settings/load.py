"""Group data named ostree_... as frozen, validated values, and every problem at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyinfra.api import Host

from tasks.settings import rules
from tasks.settings.conflicts import find_conflicts
from tasks.settings.declared import ENVIRONMENT, GONE, NAMES, PREFIX, Client, Environment, Server, declared
from tasks.settings.environments import read_environments
from tasks.settings.reader import SettingsError, problem, read_values, refuse_unknown
from tasks.settings.rules import Wrong, shown

NOT_READ = (
    "No ostree_... settings were found, so group_data/all.py was not read:"
    " run pyinfra in the repository's folder, or add --chdir FOLDER"
)


@dataclass(frozen=True)
class Followed:
    """What a name such as "dev", "pilot" or "qa/pilot" stands for on a server."""

    environment: Environment
    ref: str
    remote: str


def server_settings(data: Mapping[str, object], inventory_name: str | None = None) -> Server:
    """Check a server's group data and return it typed, with defaults filled in.

    + data: everything pyinfra knows about the host; names without ostree_ are none of ours
    + inventory_name: the server's name in the inventory, its public name where none is set
    Raises SettingsError with all problems.
    """
    problems, values = _read(data, Server)
    if values.get("public_name", "") is None:
        try:
            values["public_name"] = rules.public_name(inventory_name)
        except Wrong as wrong:
            right = f"must be set, because the server's inventory name {inventory_name!r} is not {wrong}"
            problems.append(f"ostree_public_name = None: {right}")
    environments = read_environments(data, values, problems)
    problems.extend(find_conflicts(environments, values, data))
    if problems:
        raise SettingsError(problems)
    enabled = tuple(each for each in environments if each.enabled)
    on = {each.name for each in enabled}
    composed = tuple(each for each in values["compose_environments"] if each in on)
    disabled = tuple(each for each in environments if not each.enabled)
    return Server(
        **values | {"environments": enabled, "disabled": disabled, "compose_environments": composed}
    )


def client_settings(data: Mapping[str, object]) -> Client:
    """Check a client's group data and return it typed; raises SettingsError with all problems."""
    problems, values = _read(data, Client)
    if problems:
        raise SettingsError(problems)
    return Client(**values)


def resolve(server: Server, follows: str) -> Followed:
    """Find what a client is to follow on its server.

    + follows: a composed environment, a ring, or ENVIRONMENT/RING
    Raises SettingsError if there is no such thing, or if more than one environment has that ring.
    """
    choices: dict[str, tuple[Environment, str]] = {}
    for each in server.environments:
        if each.composed:
            choices[each.name] = (each, each.ref)
        for ring in each.rings:
            choices[f"{each.name}/{ring.name}"] = (each, ring.ref)
    names = [follows] if follows in choices else [name for name in choices if name.endswith(f"/{follows}")]
    if len(names) != 1:
        right = f"one of: {', '.join(names or choices)}"
        raise SettingsError([problem("ostree_follows", follows, right)])
    environment, ref = choices[names[0]]
    return Followed(environment, ref, f"{server.image_name}-{environment.name}")


def load_server(host: Host) -> Server:
    """Return a host's settings as a server; ends the run with all problems if there are any."""
    try:
        return server_settings(host.data.dict(), host.name)
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def load_client(host: Host) -> Client:
    """Return a host's settings as a client; ends the run with all problems if there are any."""
    try:
        return client_settings(host.data.dict())
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def _read(data: Mapping[str, object], kind: type) -> tuple[list[str], dict[str, Any]]:
    """Return every problem with the settings that a class declares, and the values of the right ones."""
    ours = {key: value for key, value in data.items() if isinstance(key, str) and key.startswith(PREFIX)}
    if not ours:
        raise SettingsError([NOT_READ])
    problems: list[str] = []
    plain = {key: value for key, value in ours.items() if not key.startswith(ENVIRONMENT) and key not in GONE}
    problems += [f"{key} = {shown(ours[key])}: {advice}" for key, advice in GONE.items() if key in ours]
    refuse_unknown(plain, (*NAMES, f"{ENVIRONMENT}NAME"), "{}", problems)
    fields = declared(kind)
    problems += [
        f"{key} is not set: group_data/all.py should hold its default, {shown(field.metadata['default'])}"
        for key, field in fields.items()
        if key not in ours
    ]
    rules_of = {key: field.metadata["rule"] for key, field in fields.items()}
    values = read_values(data, rules_of, "{}", problems)
    return problems, {key.removeprefix(PREFIX): value for key, value in values.items()}
