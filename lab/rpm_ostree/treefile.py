"""Treefiles: reading, including and checking them, as strictly as rpm-ostree does."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.rpm_ostree.errors import FailedError, not_here

# Everything the stand-in acts on or passes on, with the type that the real program insists on.
IMPLEMENTED: Mapping[str, type] = {
    "packages": list,
    "exclude-packages": list,
    "ref": str,
    "basearch": str,
    "repos": list,
    "selinux": bool,
    "boot-location": str,
    "documentation": bool,
    "recommends": bool,
    "include": object,
    "releasever": object,
    "tmp-is-dir": bool,
    "preserve-passwd": bool,
    "check-passwd": dict,
    "check-groups": dict,
    "ignore-removed-users": list,
    "ignore-removed-groups": list,
    "mutate-os-release": str,
    "postprocess": list,
    "postprocess-script": str,
    "add-files": list,
    # Every group stays in /etc here, also these.
    "etc-group-members": list,
    "add-commit-metadata": dict,
}

# What rpm-ostree's documentation of treefiles lists besides: refused, never ignored.
REAL_ONLY = frozenset(
    """
    advisories arch-include automatic-version-prefix automatic-version-suffix cliwrap
    cliwrap-binaries conditional-include container container-cmd default-target edition
    extensions gpg-key ima initramfs-args
    install-langs lockfile-repos machineid-compat metadata modules no-initramfs
    opt-usrlocal ostree-layers ostree-override-layers readonly-executables
    remove-files remove-from-packages repo-packages rojig rpmdb rpmdb-normalize
    selinux-label-version units variables
    """.split()  # noqa: SIM905 - a word per name reads better
)

# packages-ARCHITECTURE: a list for that one alone; the real program takes any word there.
_ARCHFUL = "packages-"
_MERGED_LISTS = ("packages", "exclude-packages", "repos", "postprocess", "add-files", "etc-group-members")
_WORDS = {bool: "a boolean", str: "a string", list: "a sequence", dict: "a map"}


def load(path: Path) -> dict[str, Any]:
    """Read a treefile with everything it includes.

    The including file wins for single values; lists are joined, the included file's part first; maps merge.

    Returns the flat treefile: `packages` sorted, `ref` expanded, `releasever` a string.

    Raises FailedError: a file is missing or cannot be parsed, or a key or a type is not taken.
    """
    tree, _ = _expand(path)
    arch = platform.machine()
    tree["basearch"] = arch
    archful = {key: tree.pop(key) for key in list(tree) if key.startswith(_ARCHFUL)}
    tree["packages"] = sorted({*tree.get("packages", []), *archful.get(_ARCHFUL + arch, [])})
    if "ref" in tree:
        tree["ref"] = tree["ref"].replace("${basearch}", arch)
    if "releasever" in tree:
        tree["releasever"] = str(tree["releasever"])
    if tree.get("boot-location", "modules") not in ("modules", "new"):
        raise not_here(f"boot-location: {tree['boot-location']}")
    return tree


def print_only(tree: Mapping[str, Any]) -> str:
    """Return a treefile as `--print-only` shows it."""
    known = {key: tree[key] for key in IMPLEMENTED if key in tree}
    return json.dumps({**known, **{key: tree[key] for key in tree if key not in known}}, indent=2)


def account_files(path: Path) -> dict[str, str]:
    """Return the texts of the files that check-passwd and check-groups name, by these keys."""
    return _expand(path)[1]


def _expand(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    tree = _read(path)
    files = {
        key: _text(path.parent / tree[key]["filename"])
        for key in ("check-passwd", "check-groups")
        if "filename" in tree.get(key, {})
    }
    included = tree.pop("include", [])
    merged: dict[str, Any] = {}
    merged_files: dict[str, str] = {}
    for name in [included] if isinstance(included, str) else included:
        more, more_files = _expand(path.parent / name)
        merged, merged_files = _merge(merged, more), {**merged_files, **more_files}
    return _merge(merged, tree), {**merged_files, **files}


def _merge(included: dict[str, Any], including: dict[str, Any]) -> dict[str, Any]:
    merged = {**included, **including}
    for key in merged:
        both = key in included and key in including
        if both and (key in _MERGED_LISTS or key.startswith(_ARCHFUL)):
            merged[key] = [*included[key], *including[key]]
        elif both and key == "add-commit-metadata":
            merged[key] = {**included[key], **including[key]}
    return merged


def _read(path: Path) -> dict[str, Any]:
    text = _text(path)
    strict = path.suffix in (".yaml", ".yml")
    tree = _parse_yaml(path, text) if strict else _parse_json(path, text)
    if not isinstance(tree, dict):
        raise FailedError(f"Parsing {path}: invalid type, expected a treefile's map of keys")
    archful = {key for key in tree if key.startswith(_ARCHFUL)}
    unknown = [key for key in tree if key not in IMPLEMENTED and key not in REAL_ONLY and key not in archful]
    if strict and unknown:
        raise FailedError(f"Parsing {path}: Unknown fields: {', '.join(unknown)}")
    missing = [key for key in tree if key in REAL_ONLY]
    if missing:
        raise not_here(f"Parsing {path}: {', '.join(missing)}")
    for key, value in tree.items():
        if key in archful and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise FailedError(f"Parsing {path}: Invalid field {key}: expected array of strings")
        if key == "add-files":
            _check_pairs(path, value)
        else:
            _check_type(path, IMPLEMENTED.get(key, object), value)
    arch = platform.machine()
    if tree.get("basearch", arch) != arch:
        raise FailedError(
            f"Parsing {path}: Invalid basearch {tree['basearch']} on {arch}: cross-composes are not supported"
        )
    return _with_places(path.parent, tree)


def contents(tree: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the files that a flat treefile names, by path: an input like any other."""
    named = [source for source, _ in tree.get("add-files", [])]
    named += [tree["postprocess-script"]] if "postprocess-script" in tree else []
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in named}


def _with_places(folder: Path, tree: dict[str, Any]) -> dict[str, Any]:
    """Return a treefile with the files that it names by where they are: beside itself."""
    placed = dict(tree)
    if "add-files" in tree:
        placed["add-files"] = [[str(folder / source), target] for source, target in tree["add-files"]]
    if "postprocess-script" in tree:
        placed["postprocess-script"] = str(folder / tree["postprocess-script"])
    named = [source for source, _ in placed.get("add-files", [])]
    for name in [*named, *filter(None, [placed.get("postprocess-script")])]:
        if not Path(name).is_file():
            raise FailedError(
                f'Can\'t open file "{name}" for reading: No such file or directory (os error 2)'
            )
    return placed


def _check_pairs(path: Path, value: object) -> None:
    pairs = value if isinstance(value, list) else [value]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
            raise FailedError(f"Parsing {path}: serde-yaml: invalid type in add-files, expected two strings")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise FailedError(
            f'Can\'t open file "{path}" for reading: {error.strerror} (os error {error.errno})'
        ) from None


def _check_type(path: Path, wanted: type, value: object) -> None:
    if not isinstance(value, wanted):
        found = f'string "{value}"' if isinstance(value, str) else f"{type(value).__name__} {value}"
        raise FailedError(f"Parsing {path}: serde-yaml: invalid type: {found}, expected {_WORDS[wanted]}")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise FailedError(f"Parsing {path}: serde-yaml: invalid type in a list, expected a string")


def _parse_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FailedError(
            f"Parsing {path}: serde-json: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None


def _parse_yaml(path: Path, text: str) -> Any:
    import yaml  # the clients' images, which never read a treefile, have no YAML parser

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise FailedError(f"Parsing {path}: serde-yaml: {problem}") from None
