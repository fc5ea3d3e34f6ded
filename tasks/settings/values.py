"""Group data named ostree_... as frozen, validated values, and every problem at once.

group_data/all.py documents each setting and holds its default; here is what each may be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.settings import rules
from tasks.settings.ci import CiKey, ci_keys
from tasks.settings.conflicts import find_conflicts
from tasks.settings.environments import PREFIX, Environment, Ring, read_environments
from tasks.settings.reader import SettingsError, problem, read_values, refuse_unknown
from tasks.settings.repositories import package_repositories
from tasks.settings.rules import Rule, Wrong

if TYPE_CHECKING:
    from pyinfra.api.host import Host

__all__ = [
    "Client",
    "Environment",
    "Followed",
    "Ring",
    "Server",
    "SettingsError",
    "client_settings",
    "load_client",
    "load_server",
    "resolve",
    "server_settings",
]

SERVER_RULES: dict[str, Rule[Any]] = {
    "ostree_public_name": rules.optional(rules.public_name),
    "ostree_image_name": rules.component,
    "ostree_base_path": rules.base_path,
    "ostree_architecture": rules.choice(*rules.ARCHITECTURES),
    "ostree_keys_alias": rules.alias,
    "ostree_https_port": rules.port,
    "ostree_http": rules.switch,
    "ostree_http_port": rules.port,
    "ostree_tls_certificate": rules.optional(rules.absolute_path),
    "ostree_tls_key": rules.optional(rules.absolute_path),
    "ostree_tls_ca": rules.optional(rules.absolute_path),
    "ostree_join_virtual_host": rules.switch,
    "ostree_fedora_release": rules.whole_number(38, 99),
    "ostree_treefile_directory": rules.absolute_path,
    "ostree_base_packages": rules.listed(rules.package_or_placeholder),
    "ostree_desktop_packages": rules.listed(rules.package_or_placeholder),
    "ostree_system_packages": rules.listed(rules.package_or_placeholder),
    "ostree_additional_packages": rules.listed(rules.package_or_placeholder),
    "ostree_architecture_packages": rules.architecture_packages,
    "ostree_exclude_packages": rules.listed(rules.package),
    "ostree_postprocess_commands": rules.listed(rules.postprocess_command),
    "ostree_treefile_options": rules.treefile_options,
    "ostree_treefile_folder": rules.optional(rules.treefile_folder),
    "ostree_accounts_file": rules.optional(rules.accounts_file),
    "ostree_compose_on_setup": rules.switch,
    "ostree_compose_environments": rules.listed(rules.environment_name),
    "ostree_compose_nightly": rules.switch,
    "ostree_compose_time": rules.time_of_day,
    "ostree_compose_delay_minutes": rules.whole_number(0, 720, "whole minutes"),
    "ostree_minimum_free_gib": rules.gibibytes,
    "ostree_gates_directory": rules.optional(rules.gates_folder),
    "ostree_composers": rules.listed(rules.login),
    "ostree_promoters": rules.listed(rules.login),
    "ostree_approvers": rules.listed(rules.login),
}
REPOSITORIES = "ostree_package_repositories"
CI_KEYS = "ostree_ci_keys"
CLIENT_RULES: dict[str, Rule[Any]] = {
    "ostree_image_server": rules.host_name,
    "ostree_follows": rules.follows,
    "ostree_health_reports": rules.switch,
}
NAMES = frozenset((*SERVER_RULES, REPOSITORIES, CI_KEYS, *CLIENT_RULES))
PACKAGE_LISTS = (
    "ostree_base_packages",
    "ostree_desktop_packages",
    "ostree_system_packages",
    "ostree_additional_packages",
)
# What an environment's treefile and the server's own edit of it end in.
_TREEFILES = (".yaml", ".local.yaml")
NOT_READ = (
    "No ostree_... settings were found, so group_data/all.py was not read:"
    " run pyinfra in the repository's folder, or add --chdir FOLDER"
)


@dataclass(frozen=True)
class Server:
    """What a repository server is to be."""

    public_name: str
    image_name: str
    architecture: str
    base_path: str
    environments: tuple[Environment, ...]
    disabled: tuple[Environment, ...]
    https_port: int
    http_port: int | None
    keys_alias: str
    tls_certificate: str | None
    tls_key: str | None
    tls_ca: str | None
    join_virtual_host: bool
    fedora_release: int
    treefile_directory: str
    packages: tuple[str, ...]
    architecture_packages: dict[str, tuple[str, ...]]
    exclude_packages: tuple[str, ...]
    postprocess_commands: tuple[str, ...]
    treefile_options: dict[str, object]
    treefile_folder: str | None
    package_repositories: dict[str, dict[str, object]]
    accounts_file: str | None
    compose_on_setup: bool
    compose_environments: tuple[str, ...]
    compose_nightly: bool
    compose_time: str
    compose_delay_minutes: int
    minimum_free_bytes: int
    gates_directory: str | None
    composers: tuple[str, ...]
    promoters: tuple[str, ...]
    approvers: tuple[str, ...]
    ci_keys: tuple[CiKey, ...]

    def environment(self, name: str) -> Environment:
        """Return an enabled environment; SettingsError names those there are."""
        for each in self.environments:
            if each.name == name:
                return each
        there = ", ".join(each.name for each in self.environments) or "none"
        raise SettingsError([f"environment {name!r}: must be one that is switched on; there are: {there}"])

    def url(self, environment: Environment) -> str:
        """Return the address of an environment's repository, as clients use it."""
        name = f"[{self.public_name}]" if ":" in self.public_name else self.public_name
        return f"https://{name}:{self.https_port}{environment.alias}"


@dataclass(frozen=True)
class Client:
    """Where a workstation gets its image from, what it follows there, and whether it says how it boots."""

    image_server: str
    follows: str
    health_reports: bool


@dataclass(frozen=True)
class Followed:
    """What a name such as "dev", "pilot" or "qa/pilot" stands for on a server."""

    environment: Environment
    ref: str
    remote: str


def server_settings(data: Mapping[str, object], inventory_name: str | None = None) -> Server:
    """Check a server's group data and return it typed, with defaults filled in.

    data: everything pyinfra knows about the host; names without ostree_ are none of ours.
    inventory_name: the server's name in the inventory, its public name where none is set.
    Raises SettingsError with all problems.
    """
    problems = _common_problems(data, (*SERVER_RULES, REPOSITORIES, CI_KEYS))
    values = read_values(data, SERVER_RULES, "{}", problems)
    repositories = package_repositories(data.get(REPOSITORIES, {}), REPOSITORIES, problems)
    keys_of_ci = ci_keys(data.get(CI_KEYS, {}), CI_KEYS, problems)
    base, keys_alias = values.get("ostree_base_path"), values.get("ostree_keys_alias")
    architecture = values.get("ostree_architecture", "ARCHITECTURE")
    image = values.get("ostree_image_name", "IMAGE")
    environments = read_environments(data, architecture, image, base or "BASE", problems)
    problems.extend(find_conflicts(environments, data, base, keys_alias))
    _check_ports(values, problems)
    _check_certificate(values, problems)
    _check_composed(values, data, environments, problems)
    _check_folder(values, environments, problems)
    public_name = values.get("ostree_public_name") or _public_name(inventory_name, values, problems)
    if problems:
        raise SettingsError(problems)
    packages = [name for key in PACKAGE_LISTS for name in values[key]]
    enabled = tuple(each for each in environments if each.enabled)
    on = {each.name for each in enabled}
    return Server(
        public_name=public_name,
        image_name=values["ostree_image_name"],
        architecture=values["ostree_architecture"],
        base_path=values["ostree_base_path"],
        environments=enabled,
        disabled=tuple(each for each in environments if not each.enabled),
        https_port=values["ostree_https_port"],
        http_port=values["ostree_http_port"] if values["ostree_http"] else None,
        keys_alias=values["ostree_keys_alias"],
        tls_certificate=values["ostree_tls_certificate"],
        tls_key=values["ostree_tls_key"],
        tls_ca=values["ostree_tls_ca"],
        join_virtual_host=values["ostree_join_virtual_host"],
        fedora_release=values["ostree_fedora_release"],
        treefile_directory=values["ostree_treefile_directory"],
        packages=tuple(dict.fromkeys(packages)),
        architecture_packages=values["ostree_architecture_packages"],
        exclude_packages=values["ostree_exclude_packages"],
        postprocess_commands=values["ostree_postprocess_commands"],
        treefile_options=values["ostree_treefile_options"],
        treefile_folder=values["ostree_treefile_folder"],
        package_repositories=repositories,
        accounts_file=values["ostree_accounts_file"],
        compose_on_setup=values["ostree_compose_on_setup"],
        compose_environments=tuple(name for name in values["ostree_compose_environments"] if name in on),
        compose_nightly=values["ostree_compose_nightly"],
        compose_time=values["ostree_compose_time"],
        compose_delay_minutes=values["ostree_compose_delay_minutes"],
        minimum_free_bytes=values["ostree_minimum_free_gib"],
        gates_directory=values["ostree_gates_directory"],
        composers=values["ostree_composers"],
        promoters=values["ostree_promoters"],
        approvers=values["ostree_approvers"],
        ci_keys=keys_of_ci,
    )


def client_settings(data: Mapping[str, object]) -> Client:
    """Check a client's group data and return it typed; raises SettingsError with all problems."""
    problems = _common_problems(data, CLIENT_RULES)
    values = read_values(data, CLIENT_RULES, "{}", problems)
    if problems:
        raise SettingsError(problems)
    return Client(
        image_server=values["ostree_image_server"],
        follows=values["ostree_follows"],
        health_reports=values["ostree_health_reports"],
    )


def resolve(server: Server, follows: str) -> Followed:
    """Find what a client is to follow on its server.

    follows: a composed environment, a ring, or ENVIRONMENT/RING.
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


def load_server(host: "Host") -> Server:
    """Return a host's settings as a server; ends the run with all problems if there are any."""
    try:
        return server_settings(_host_data(host), host.name)
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def load_client(host: "Host") -> Client:
    """Return a host's settings as a client; ends the run with all problems if there are any."""
    try:
        return client_settings(_host_data(host))
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def _host_data(host: "Host") -> dict[str, object]:
    data: dict[str, object] = host.data.dict()
    return data


def _common_problems(data: Mapping[str, object], needed: Mapping[str, object] | tuple[str, ...]) -> list[str]:
    """Find unknown ostree_ names, and settings that are nowhere set."""
    ours = {key: value for key, value in data.items() if isinstance(key, str) and key.startswith("ostree_")}
    if not ours:
        raise SettingsError([NOT_READ])
    problems: list[str] = []
    known = (*NAMES, f"{PREFIX}NAME")
    refuse_unknown(
        {key: value for key, value in ours.items() if not key.startswith(PREFIX)}, known, "{}", problems
    )
    problems.extend(
        f"{key} is not set: group_data/all.py should hold its default" for key in needed if key not in ours
    )
    return problems


def _check_ports(values: Mapping[str, Any], problems: list[str]) -> None:
    http = values.get("ostree_http_port")
    if http is not None and http == values.get("ostree_https_port"):
        problems.append(problem("ostree_http_port", http, "another port than ostree_https_port"))


def _check_certificate(values: Mapping[str, Any], problems: list[str]) -> None:
    certificate, key = "ostree_tls_certificate", "ostree_tls_key"
    for one, other in ((certificate, key), (key, certificate)):
        if values.get(one) and other in values and values[other] is None:
            problems.append(f"{one} = {values[one]!r}: must be set together with {other}, which is None")
    if (
        values.get("ostree_tls_ca")
        and not values.get("ostree_join_virtual_host")
        and values.get(certificate, "") is None
    ):
        problems.append(
            f"ostree_tls_ca = {values['ostree_tls_ca']!r}: must be None without {certificate};"
            " deploy.py makes a private CA then"
        )


def _check_composed(
    values: Mapping[str, Any],
    data: Mapping[str, object],
    environments: tuple[Environment, ...],
    problems: list[str],
) -> None:
    composed = {each.name for each in environments if each.composed}
    unread = {key.removeprefix(PREFIX) for key in data if key.startswith(PREFIX)} - {
        each.name for each in environments
    }
    for name in values.get("ostree_compose_environments", ()):
        if name in composed or name in unread:
            continue
        why = (
            "is promoted, not composed" if name in {each.name for each in environments} else "does not exist"
        )
        there = ", ".join(sorted(composed)) or "none"
        shown = values["ostree_compose_environments"]
        right = f"a list of composed environments (there are: {there}); {name} {why}"
        problems.append(problem("ostree_compose_environments", list(shown), right))


def _check_folder(
    values: Mapping[str, Any], environments: tuple[Environment, ...], problems: list[str]
) -> None:
    folder, image = values.get("ostree_treefile_folder"), values.get("ostree_image_name")
    if folder is None or image is None:
        return
    ours = {f"{image}.repo", *(f"{image}-{each.name}{end}" for each in environments for end in _TREEFILES)}
    for name in rules.folder_files(folder):
        if name.partition("/")[0] in ours:
            right = f"a folder without {name!r}, which is the name of a file that deploy.py or the server has"
            problems.append(problem("ostree_treefile_folder", folder, right))


def _public_name(inventory_name: str | None, values: Mapping[str, Any], problems: list[str]) -> str:
    if "ostree_public_name" not in values:
        return ""
    try:
        return rules.public_name(inventory_name)
    except Wrong as wrong:
        problems.append(
            f"ostree_public_name = None: must be set, because the server's inventory name {inventory_name!r}"
            f" is not {wrong}"
        )
        return ""
