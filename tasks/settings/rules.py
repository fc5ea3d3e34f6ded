"""What one setting's value may be: each rule takes a value and returns it typed, or raises Wrong.

A Wrong carries the end of a sentence that begins "must be": what would be right, for people.
Names and paths are held to what can stand unquoted in Apache's configuration, sudoers, unit files and URLs.
"""

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from ostree_release import account_list, freeze
from tasks.settings import places
from tasks.settings.kinoite import PLACEHOLDER

T = TypeVar("T")
Rule = Callable[[object], T]

# libostree's rule for a ref (ostree_validate_rev), in ASCII only and, as newer versions have it, without a
# component that begins with a dot or a dash.
COMPONENT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
COMPONENT_WORDS = "letters, digits, '.', '_' and '-', not beginning with '.' or '-'"
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PROBLEMS = 3  # lines of a file that one sentence names
DNS_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class Wrong(Exception):  # noqa: N818 (it is read as "raise Wrong")
    """A value is not what its rule allows; the text says what would be right."""


class Parts(Exception):  # noqa: N818 (it is read as "raise Parts")
    """A value is wrong in parts; has a line for each, which begins after the name of the whole."""


def optional(rule: Rule[T]) -> Rule[T | None]:
    """Also allow None."""

    def check(value: object) -> T | None:
        if value is None:
            return None
        try:
            return rule(value)
        except Wrong as wrong:
            raise Wrong(f"{wrong}, or None") from None

    return check


def listed(rule: Rule[T], *, empty: bool = True) -> Rule[tuple[T, ...]]:
    """A list whose items follow the rule and do not repeat."""

    def check(value: object) -> tuple[T, ...]:
        if not isinstance(value, (list, tuple)) or not (value or empty):
            raise Wrong("a list" + ("" if empty else " that is not empty"))
        items: list[T] = []
        for item in value:
            try:
                checked = rule(item)
            except Wrong as wrong:
                raise Wrong(f"a list in which each item is {wrong}; {shown(item)} is not") from None
            if checked in items:
                raise Wrong(f"a list without repetitions; {shown(item)} is there twice")
            items.append(checked)
        return tuple(items)

    return check


def shown(value: object) -> str:
    """A value as it is shown in a problem: on one line, and not longer than 80 characters."""
    text = UNPRINTABLE.sub("?", repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def text(accepts: Callable[[str], object], words: str) -> Rule[str]:
    """Text for which a function returns something true."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not accepts(value):
            raise Wrong(words)
        return value

    return check


def matching(pattern: str, words: str) -> Rule[str]:
    """Text that matches a pattern from its beginning to its end."""
    return text(re.compile(pattern).fullmatch, words)


def choice(*allowed: str) -> Rule[str]:
    """One of a few words."""
    return text(lambda value: value in allowed, " or ".join(repr(word) for word in allowed))


def on_laptop(is_there: Callable[[Path], bool], words: str) -> Rule[str]:
    """The path of something on the machine pyinfra runs on."""
    return text(lambda value: not UNPRINTABLE.search(value) and is_there(Path(value).expanduser()), words)


def whole_number(lowest: int, highest: int, words: str = "a whole number") -> Rule[int]:
    """An int (True and False are none) within bounds."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise Wrong(f"{words} from {lowest} to {highest}")
        return value

    return check


def dictionary(value: object) -> dict[str, object]:
    """A dictionary with text as keys; what may be in it is somebody else's to judge."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Wrong("a dictionary with names as keys")
    return dict(value)


def switch(value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise Wrong("True or False")
    return value


def gibibytes(value: object) -> float:
    """A number of GiB."""
    # What is no number at all (NaN) is in no range either.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1_000_000:
        raise Wrong("a number of GiB from 0 to 1000000")
    return value


def public_name(value: object) -> str:
    """A DNS name or an IP address, as it may stand in a URL (there, IPv6 gets brackets)."""
    words = "a DNS name such as 'images.example.org' (without https:// and port) or an IP address"
    if not isinstance(value, str):
        raise Wrong(words)
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        labels = value.split(".")
        # A last label of digits would be read as an IPv4 address by browsers and libcurl.
        if (
            len(value) > 253
            or not all(DNS_LABEL.fullmatch(label) for label in labels)
            or labels[-1].isdigit()
        ):
            raise Wrong(words) from None
        return value
    if "%" in value:
        raise Wrong("an IP address without a zone such as %eth0")
    return str(address)


def base_path(value: object) -> str:
    """A directory of our own: deploy.py sets owners, modes and SELinux types in the whole of it."""
    found = absolute_path(value)
    top = found.split("/")[1]
    if found.count("/") < 2 or top in SYSTEM_DIRECTORIES:
        raise Wrong(
            "a directory of its own such as '/srv/ostree/rpm-ostree', at least two levels deep and not in /"
            + ", /".join(SYSTEM_DIRECTORIES)
        )
    for own in PRIVATE_DIRECTORIES:
        if overlap(found, own):
            raise Wrong(f"a directory apart from {own}, which must not be served")
    return found


def overlap(one: str, other: str) -> bool:
    """Whether one of two paths or refs is the other one, or lies in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def program(value: object) -> str:
    """An executable file on the machine pyinfra runs on."""
    path = laptop_file(value)
    if not os.access(Path(path).expanduser(), os.X_OK):
        raise Wrong("the path of an executable file: chmod +x it")
    return path


def gates_folder(value: object) -> str:
    """A folder on this machine that holds gates, which are executables, and nothing else but hidden files."""
    folder = laptop_folder(value)
    for path in sorted(Path(folder).expanduser().iterdir()):
        if path.name.startswith("."):
            continue
        if not re.fullmatch(COMPONENT, path.name) or not path.is_file() or not os.access(path, os.X_OK):
            raise Wrong(
                f"a folder of executable files, named with {COMPONENT_WORDS}; {shown(path.name)} is none"
            )
    return folder


def treefile_folder(value: object) -> str:
    """A folder on this machine whose files, but for hidden ones, can lie beside a treefile."""
    folder = laptop_folder(value)
    for name in folder_files(folder):
        path = Path(folder).expanduser() / name
        if not re.fullmatch(rf"{COMPONENT}(/{COMPONENT})*", name) or not path.is_file():
            raise Wrong(f"a folder of files and folders, named with {COMPONENT_WORDS}; {shown(name)} is none")
        if not os.access(path, os.R_OK):
            raise Wrong(f"a folder of files that can be read; {shown(name)} cannot")
    return folder


def folder_files(folder: str) -> list[str]:
    """Return the paths of all files in a folder on this machine and its folders, but hidden ones."""
    top = Path(folder).expanduser()
    found = sorted(path.relative_to(top) for path in top.rglob("*") if path.is_symlink() or not path.is_dir())
    return [path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)]


def accounts_file(value: object) -> str:
    """A file on this machine with the lines of a passwd and of a group file."""
    words = "the path of a file on this machine with the lines of a passwd and of a group file"
    path = on_laptop(Path.is_file, words)(value)
    try:
        _, problems = account_list.of_seed(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong(f"{words} ({error})") from None
    if problems:
        more = f"; and {len(problems) - _PROBLEMS} more" if len(problems) > _PROBLEMS else ""
        raise Wrong(f"{words} ({'; '.join(problems[:_PROBLEMS])}{more})")
    return path


def architecture_packages(value: object) -> dict[str, tuple[str, ...]]:
    """Lists of packages by the architecture that has them."""
    given = dictionary(value)
    for name in given:
        if name not in ARCHITECTURES:
            there = " or ".join(repr(each) for each in ARCHITECTURES)
            raise Wrong(f"a dictionary with {there} as keys; {shown(name)} is none")
    names = listed(package)
    try:
        return {architecture: names(each) for architecture, each in given.items()}
    except Wrong as wrong:
        raise Wrong(f"a dictionary in which each value is {wrong}") from None


def treefile_options(value: object) -> dict[str, object]:
    """Keys of a treefile that have no setting of their own, with values that YAML can hold."""
    options = dictionary(value)
    for key, setting in TREEFILE_KEYS_WITH_A_SETTING.items():
        if key in options:
            raise Wrong(f"a dictionary without {key!r}, which comes from {setting}")
    for key, item in options.items():
        if not key.strip() or UNPRINTABLE.search(key) or not _is_plain(item):
            raise Wrong(
                "a dictionary of treefile keys with text, numbers, True, False, lists and dictionaries as "
                f"values; {shown(key)} is not such a key or has another value"
            )
    return options


def _is_plain(value: object, depth: int = 0) -> bool:
    if depth > 8:
        return False
    if isinstance(value, list):
        return all(_is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_script(value) or isinstance(value, int)


def _is_script(value: object) -> bool:
    """Whether it is text that may have several lines and tabs, but no other control characters."""
    return isinstance(value, str) and not UNPRINTABLE.search(re.sub(r"[\n\t]", "", value))


ARCHITECTURES = ("x86_64", "aarch64", "ppc64le")  # that Fedora makes Kinoite for, as `uname -m` says them
SYSTEM_DIRECTORIES = ("bin", "boot", "dev", "etc", "lib", "proc", "run", "sbin", "sys", "tmp", "usr")
PRIVATE_DIRECTORIES = (places.STATE, places.CACHE)  # signing keys, what is not published
TREEFILE_KEYS_WITH_A_SETTING = {
    "ref": "the environment's ref",
    "repos": "ostree_package_repositories",
    "packages": "the package lists",
    "exclude-packages": "ostree_exclude_packages",
    "postprocess": "ostree_postprocess_commands",
    "releasever": "ostree_fedora_release",
    "basearch": "ostree_architecture",
}

laptop_file = on_laptop(Path.is_file, "the path of a file on this machine")
laptop_folder = on_laptop(Path.is_dir, "the path of a folder on this machine")
component = matching(COMPONENT, COMPONENT_WORDS)
environment_name = matching(
    r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, '_' and '-', beginning with a letter or digit"
)
ref = matching(
    f"{COMPONENT}(?:/{COMPONENT})*", f"a ref: components of {COMPONENT_WORDS}, joined by single '/'"
)
absolute_path = matching(
    f"(?:/{COMPONENT})+",
    f"an absolute path without '..' and without '/' at its end, of components of {COMPONENT_WORDS}",
)
alias = matching(
    f"(?:/{COMPONENT})+",
    f"a URL path such as '/repo/kinoite/dev', without '/' at its end, of components of {COMPONENT_WORDS}",
)
port = whole_number(1, 65535, "a port: a whole number")
package = matching(r"[A-Za-z0-9_/][A-Za-z0-9._+~^:/()-]*", "a package's name")
package_or_placeholder = matching(
    rf"[A-Za-z0-9_/][A-Za-z0-9._+~^:/()-]*|{re.escape(PLACEHOLDER)}", f"a package's name or {PLACEHOLDER!r}"
)
login = matching(
    r"[a-z_][a-z0-9_.-]{0,31}",
    "a login name: lower-case letters, digits, '_', '-' and '.', not beginning with a digit",
)
time_of_day = matching(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", "a time from '00:00' to '23:59'")
label = text(lambda value: value.strip() and not UNPRINTABLE.search(value), "text on one line")
package_url = matching(
    r"(?:https?|file)://[!#-&(-;=?-\[\]_a-z~]+",
    "a URL that begins with https://, http:// or file://, without spaces and quotes",
)
follows = matching(
    rf"[A-Za-z0-9][A-Za-z0-9_-]*(?:/{COMPONENT})?|{COMPONENT}",
    "a composed environment such as 'dev', or a ring such as 'pilot' or 'prod/pilot'",
)
freeze_window = text(freeze.is_window, freeze.WORDS)
# Lines and tabs are its own matter.
postprocess_command = text(
    lambda value: value.strip() and _is_script(value), "a shell command (text without control characters)"
)
host_name = matching(r"[^\x00-\x20\x7f-\x9f]+", "the name of a host in the inventory")
