"""Writes what is declared once to where people read it; `make format` runs it.

That is group_data/all.py from its first heading to that of SSH, the first table of each section of
docs/settings.md with its long defaults, and the defaults of gates in docs/gates.md.
"""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from ostree_release.policy import GATES
from tasks.settings.declared import ENVIRONMENT, ENVIRONMENTS, KEYS, NAMES

ROOT = Path(__file__).parents[1]
_LONG = 140  # characters of a default that stands below its table
_SECTIONS: dict[str, list[str]] = {}
for _name, _field in NAMES.items():
    _SECTIONS.setdefault(_field.metadata["section"] or next(reversed(_SECTIONS)), []).append(_name)


def documents() -> dict[Path, str]:
    """Return what each document is to hold."""
    paths = {each: ROOT / each for each in ("group_data/all.py", "docs/settings.md", "docs/gates.md")}
    now = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    return {
        paths["group_data/all.py"]: _group_data(now["group_data/all.py"]),
        paths["docs/settings.md"]: _settings(now["docs/settings.md"]),
        paths["docs/gates.md"]: _gates(now["docs/gates.md"]),
    }


def _group_data(text: str) -> str:
    first = next(iter(_SECTIONS))
    begin, end = text.index(f"# --- {first} "), text.index("# --- SSH")
    return _formatted(text[:begin] + "\n".join(_assignments()) + "\n\n" + text[end:])


def _assignments() -> Iterator[str]:
    for number, (section, names) in enumerate(_SECTIONS.items()):
        if number == 1:
            yield from _environments()
        yield f"{f'# --- {section} ':-<100}\n"
        for name in names:
            default = NAMES[name].metadata["default"]
            yield from _comment(NAMES[name].metadata["meaning"])
            yield f"{name}{_annotation(default)} = {default!r}\n"


def _environments() -> Iterator[str]:
    yield f"{f'# --- Environments: one variable {ENVIRONMENT}NAME each ':-<100}"
    yield from _comment(
        "An environment is composed on the server, or it promotes_from a composed one. Its keys,"
    )
    yield "# all optional, with their defaults:"
    for name, key in KEYS.items():
        yield from _comment(f"{key.default}. {key.meaning}", f"#   {name:<17} ", f"#   {'':<17} ")
    for name, (default, meaning) in ENVIRONMENTS.items():
        yield from ["", *_comment(meaning), f"{ENVIRONMENT}{name} = {default!r}"]
    yield ""


def _comment(meaning: str, first: str = "# ", further: str = "# ") -> list[str]:
    """Return Markdown as the lines of a comment: links as what they lead to."""
    plain = re.sub(
        r"\[[^]]*\]\(([^)#]*)(?:#[^)]*)?\)", lambda link: f"docs/{link[1] or 'settings.md'}", meaning
    )
    plain = plain.replace("`", "").replace("**", "")
    return textwrap.wrap(plain, 108, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)


def _annotation(default: object) -> str:
    """Say what an empty default may hold, which its value does not."""
    return {"[]": ": list[str]", "{}": ": dict[str, object]"}.get(repr(default), "")


def _settings(text: str) -> str:
    for section, names in _SECTIONS.items():
        settings = {name: NAMES[name].metadata for name in names}
        rows = [(name, _cell(each["default"]), each["meaning"]) for name, each in settings.items()]
        text = _with_table(text, f"## {section}\n", "name", rows)
    rows = [
        (f"{ENVIRONMENT}{name}", _cell(default), meaning) for name, (default, meaning) in ENVIRONMENTS.items()
    ]
    text = _with_table(text, "## Environments\n", "name", rows)
    text = _with_table(text, "## Environments\n", "key", [(name, *each[::2]) for name, each in KEYS.items()])
    long = [(name, each.metadata["default"]) for name, each in NAMES.items()]
    block = _formatted("\n".join(f"{name} = {value!r}" for name, value in long if len(_code(value)) > _LONG))
    begin = text.index("```python\n", text.index("## Long defaults\n")) + len("```python\n")
    return text[:begin] + block + text[text.index("```", begin) :]


def _with_table(text: str, heading: str, kind: str, rows: list[tuple[str, str, str]]) -> str:
    """Put rows in place of those of the first table after a heading whose first column is of a kind."""
    head = f"| {kind} | default | meaning |\n|---|---|---|\n"
    begin = text.index(head, text.index(heading)) + len(head)
    end = text.index("\n\n", begin) + 1
    return (
        text[:begin]
        + "".join(f"| `{name}` | {default} | {meaning} |\n" for name, default, meaning in rows)
        + text[end:]
    )


def _cell(default: object) -> str:
    return "[below](#long-defaults)" if len(_code(default)) > _LONG else f"`{_code(default)}`"


def _code(default: object) -> str:
    return repr(default).replace("'", '"')


def _answer(default: object) -> str:
    if isinstance(default, str):
        return default
    return f"`{_code(default)}`" if isinstance(default, list) else repr(default)


def _gates(text: str) -> str:
    """Put each threshold's default into the second cell of its row in the section of its gate."""
    for gate, thresholds in GATES.items():
        before, heading, after = text.partition(f"\n## `{gate}`")
        section, following, rest = after.partition("\n## ")
        for name, threshold in thresholds.items():
            row = f"| `{name}` | {_answer(threshold.default)} |"
            section, found = re.subn(rf"(?m)^\| `{name}` \| [^|]* \|", row, section)
            assert found == 1, f"docs/gates.md: no row of {name} in the section of {gate}, or several"
        text = before + heading + section + following + rest
    return text


def _formatted(code: str) -> str:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--stdin-filename",
        str(ROOT / "group_data/all.py"),
        "-",
    ]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Write what is stale, and name it."""
    for path, text in documents().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
