"""The changelog as text and as Markdown, and the bill of materials as its file has it.

Reasons, titles and names of packages come from people and from outside: on one line, and in Markdown escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from ..model import KINDS
from ..text import Result, document, short

_KIND_WORDS = {"added": "added", "removed": "removed", "upgraded": "upgraded", "downgraded": "DOWNGRADED"}
# Whatever begins something inside a line of Markdown: also links, mentions, references, emoji and HTML.
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~$:@#!()]|(?<=www)\.)")

Escape = Callable[[object], str]


def plain(text: object) -> str:
    """Return text from outside on one line, with a question mark for what cannot be printed."""
    line = " ".join(str(text).split())
    return "".join(character if character.isprintable() else "?" for character in line)


def markdown(text: object) -> str:
    """Return text from outside on one line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def _text(result: Result) -> list[str]:
    lines = []
    for release in result["releases"]:
        lines += [f"{plain(release['version'])} ({short(release['checksum'])}), serial {release['serial']}"]
        lines += [f"  {line}" for line in _story(release, plain)]
        lines.append("")
    return lines[:-1] or [_nothing(result)]


def _markdown(result: Result) -> list[str]:
    where = f"{result['environment']}/{result['ring']}" if result["ring"] else result["environment"]
    lines = [f"# Changelog of {markdown(where)}"]
    for release in result["releases"]:
        lines += ["", f"## {markdown(release['version'])}", ""]
        lines += [f"Checksum `{release['checksum']}`, serial {release['serial']}", ""]
        lines += [f"- {line}" for line in _story(release, markdown)]
    return lines if result["releases"] else [*lines, "", _nothing(result)]


def _nothing(result: Result) -> str:
    return f"{result['environment']} has no release yet"


def _story(release: Result, escape: Escape) -> Iterator[str]:
    """Yield what there is to say of a release, a line each."""
    if release["composed"]:
        yield f"composed {_who(release['composed'], escape)}"
    for ring in release["rings"]:
        yield f"{escape(ring['ring'])} {_who(ring, escape)}"
    if not release["rings"]:
        yield "has reached no ring"
    for result in release["gates"]:
        if result["answer"] != "pass":
            where = f" for {escape(result['ring'])}" if result["ring"] else ""
            gate, answer, line = (escape(result[key]) for key in ("gate", "answer", "line"))
            yield f"gate {gate}{where}: {answer}: {line}"
    for approval in release["approvals"]:
        named = [
            *(approval["findings"] or ()),
            *(f"OVERRIDES {gate}" for gate in approval["overrides"] or ()),
        ]
        what = f" ({', '.join(map(escape, named))})" if named else ""
        yield f"approved{what} {_who(approval, escape)}"
    for hold in release["holds"]:
        yield f"HELD ({escape(hold['kind'])} {escape(hold['label'])}) {_who(hold, escape)}"
        if hold["released"]:
            yield f"hold released {_who(hold['released'], escape)}"
    yield from _advisories(release, escape)
    yield from _packages(release, escape)


def _advisories(release: Result, escape: Escape) -> Iterator[str]:
    if release["advisories"] is None:
        yield "security advisories: not known, nothing was kept for this build"
        return
    for advisory in release["advisories"]:
        words = ", ".join(map(escape, [advisory["severity"], *advisory["cves"]]))
        yield f"fixes {escape(advisory['id'])} ({words}): {escape(advisory['title'])}"


def _packages(release: Result, escape: Escape) -> Iterator[str]:
    if release["previous"] is None:
        yield "the first release: nothing to compare with"
        return
    changes = [(kind, change) for kind in KINDS for change in release["packages"][kind]]
    if not changes:
        yield f"same packages as {escape(release['previous'])}"
    for kind, change in changes:
        versions = " -> ".join(escape(change[end]) for end in ("old", "new") if end in change)
        yield f"{_KIND_WORDS[kind]} {escape(change['name'])} {versions}"


def _who(entry: Result, escape: Escape) -> str:
    reason = f": {escape(entry['reason'])}" if entry["reason"] else ""
    return f"{escape(entry['time'])} by {escape(entry['actor'])}{reason}"


RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "changelog-text": _text,
    "changelog-markdown": _markdown,
    "changelog-json": lambda result: [json.dumps(result)],
    "sbom": lambda result: document(result).splitlines(),
}
