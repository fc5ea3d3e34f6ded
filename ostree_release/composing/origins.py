"""Keeping which package repository each package of a build came from: nothing in the image says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import files
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused

_KEPT = 400  # files of an environment, the newest: more than a year of nightly builds
_LINE = re.compile(r"  (\S+) \((\S+)\)")  # as rpm-ostree lists what it installs


def folder(config: Config, environment: Environment) -> Path:
    """Return the directory with one file for each build of a composed environment, for everybody to read."""
    return config.state / "origins" / environment.name


def listed(lines: Iterable[str]) -> dict[str, str]:
    """Return package -> repository from what rpm-ostree printed; packages by their whole name."""
    found = (_LINE.fullmatch(line.rstrip()) for line in lines)
    return {match[1]: match[2] for match in found if match}


def keep(context: Context, environment: Environment, build: str, origins: Mapping[str, str]) -> None:
    """Keep where a build's packages came from; build: its checksum. What cannot be written is said."""
    place = folder(context.config, environment)
    try:
        place.mkdir(parents=True, exist_ok=True)
        files.replace(place / f"{build}.json", json.dumps(origins, sort_keys=True).encode(), 0o644)
        for path in sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            path.unlink(missing_ok=True)
    except OSError as error:
        context.say(
            f"The origins of {environment.name}'s packages could not be kept: {place}: {error.strerror}"
        )


def kept(config: Config, environment: Environment, build: str) -> dict[str, str] | None:
    """Return what was kept for a build of a composed environment, or None; refuses a file that is broken."""
    path = folder(config, environment) / f"{build}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path}: not what a compose wrote: compose again") from error
    if not isinstance(content, dict):
        raise Refused(f"{path}: not what a compose wrote: compose again")
    return {str(package): str(repository) for package, repository in content.items()}
