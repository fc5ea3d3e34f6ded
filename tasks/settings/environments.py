"""Environments out of group data, with their defaults."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ostree_release import loading
from ostree_release.config import SIGNING, Ring
from ostree_release.errors import Problem
from ostree_release.model import DEFAULT_ENVIRONMENT
from ostree_release.policy import Approval, Policy
from tasks.settings import places, rules
from tasks.settings.declared import ENVIRONMENT, KEYS, Environment
from tasks.settings.reader import problem, read_values, refuse_unknown
from tasks.settings.rules import Rule, Wrong, shown
from tasks.signing.keyring import dearmored, fingerprints, has_secret

DEFAULT_RINGS = ("pilot", "stable")
AUTO_RULES: dict[str, Rule[Any]] = {
    "enabled": rules.switch,
    "freeze": rules.listed(rules.freeze_window),
}
ONLY_COMPOSED = ("packages", "exclude_packages")
ONLY_PROMOTING = ("rings", "signing", "gates", "approval", "auto")


def read_environments(
    data: Mapping[str, object], values: Mapping[str, Any], problems: list[str]
) -> tuple[Environment, ...]:
    """Read every ostree_environment_NAME; add what is wrong with one to the problems.

    + values: the server's other settings, as far as they are right: what the defaults depend on
    Returns those environments that could be read, by name.
    """
    names = sorted(key for key in data if isinstance(key, str) and key.startswith(ENVIRONMENT))
    found = [_read_environment(key, data[key], values, problems) for key in names]
    return tuple(each for each in found if each)


def _read_environment(
    key: str, value: object, server: Mapping[str, Any], problems: list[str]
) -> Environment | None:
    before = len(problems)
    try:
        name = rules.environment_name(key.removeprefix(ENVIRONMENT))
    except Wrong as wrong:
        problems.append(f"{shown(key)[1:-1]}: the environment's name must be {wrong}")
        return None
    if not isinstance(value, Mapping):
        problems.append(problem(key, value, "a dictionary such as {'enabled': True}"))
        return None
    label = f"{key}['{{}}']"
    refuse_unknown(value, KEYS, label, problems)
    values = read_values(value, {name: each.rule for name, each in KEYS.items()}, label, problems)
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
    not_allowed: list[Problem] = []
    policy = loading.read(Policy, {"gates": values.get("gates", {})}, (), not_allowed)
    approval = loading.read(Approval, values.get("approval", {}), ("approval",), not_allowed)
    for each in not_allowed:
        keys = "".join(f"['{part}']" for part in each.path)
        problems.append(problem(f"{key}{keys}", each.value, each.words))
    auto_label = f"{key}['auto']['{{}}']"
    given = values.get("auto", {})
    refuse_unknown(given, AUTO_RULES, auto_label, problems)
    auto = read_values(given, AUTO_RULES, auto_label, problems)
    if values.get("signing") == "offline" and (right := _no_offline_key(values.get("signing_key"))):
        problems.append(problem(f"{key}['signing_key']", values.get("signing_key"), right))
    if len(problems) > before:
        return None
    return _with_defaults(name, source, {**values, "auto": auto}, replace(policy, approval=approval), server)


def _no_offline_key(file: str | None) -> str | None:
    """Say what a file must be, if it is not there, or does not hold public keys only; None if it is right."""
    right = "the file of a public key (gpg --export KEY), because signing is 'offline'"
    try:
        content = dearmored(Path(file).expanduser().read_bytes()) if file else b""
        if has_secret(content):
            return f"{right}; this one holds a secret key, which stays with you"
        return None if fingerprints(content) else right
    except (OSError, ValueError) as error:
        return f"{right}; {error}"


def _with_defaults(
    name: str, source: str | None, values: Mapping[str, Any], policy: Policy, server: Mapping[str, Any]
) -> Environment:
    base, image = server.get("base_path", "BASE"), server.get("image_name", "IMAGE")
    names: tuple[str, ...] = () if source is None else values.get("rings", DEFAULT_RINGS)
    root = f"fedora/{server.get('architecture', 'ARCHITECTURE')}/{image}"
    if source is None:
        default_ref = f"{root}/{name}"
    else:
        default_ref = f"{root}/{names[-1]}" if name == DEFAULT_ENVIRONMENT else f"{root}/{name}/{names[-1]}"
    ref = values.get("ref", default_ref)
    home = ref.rpartition("/")[0]
    # A ref's directory is shared by all of its rings; only the last one may have another name than its ring.
    refs = [f"{home}/{ring}" if home else ring for ring in names[:-1]] + [ref]
    alias = values.get("alias", f"/repo/{image}/{name}")
    public = server.get("public_name") or "NAME"
    host = f"[{public}]" if ":" in public else public
    return Environment(
        name=name,
        repository=Path(values.get("repository", f"{base}/{name}")),
        url=f"https://{host}:{server.get('https_port')}{alias}",
        ref=ref,
        owner="root" if source is None else places.RELEASE_USER,
        gnupghome=Path(places.KEYS, name),
        public_key=places.public_keys(base) / f"{name}.gpg",
        treefile=None
        if source
        else Path(server.get("treefile_directory", "/")) / places.treefile(image, name),
        cache=None if source else Path(places.CACHE, name),
        promotes_from=source,
        rings=tuple(Ring(ring, ring_ref) for ring, ring_ref in zip(names, refs, strict=False)),
        signing=values.get("signing", SIGNING[0]),
        policy=policy if source else None,
        freeze=values["auto"].get("freeze", ()),
        enabled=values.get("enabled", True),
        alias=alias,
        packages=values.get("packages", ()),
        exclude_packages=values.get("exclude_packages", ()),
        signing_key=values.get("signing_key"),
        automatic=values["auto"].get("enabled", False),
    )
