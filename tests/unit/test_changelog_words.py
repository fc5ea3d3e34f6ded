"""The changelog in words: what is said of a release, and that text from outside stays text."""

from __future__ import annotations

import pytest

from ostree_release.text import Result
from ostree_release.words import changelog

WHO = {"time": "2026-01-02T03:04:05Z", "actor": "alice", "reason": None}
EMPTY: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "upgraded": [], "downgraded": []}
RELEASE: Result = {
    "version": "44.2",
    "checksum": "ab" * 32,
    "serial": 2,
    "previous": "44.1",
    "composed": WHO,
    "rings": [{"ring": "pilot", **WHO, "reason": "tried at home"}],
    "packages": {**EMPTY, "upgraded": [{"name": "hello", "old": "1-1", "new": "2-1"}]},
    "advisories": [{"id": "A-1", "severity": "critical", "cves": ["CVE-2026-1"], "title": "hello: bad"}],
    "gates": [
        {"ring": "pilot", "gate": "diff", "answer": "needs-approval", "line": "removed tool"},
        {"ring": "pilot", "gate": "complete", "answer": "pass", "line": "whole"},
    ],
    "approvals": [
        {**WHO, "actor": "bob", "reason": "seen", "findings": ["removed:tool"], "overrides": ["soak"]}
    ],
    "holds": [
        {
            **WHO,
            "kind": "build",
            "label": "44.2",
            "reason": "boots badly",
            "released": {**WHO, "actor": "carol"},
        }
    ],
}


def result(**changes: object) -> Result:
    return {"environment": "prod", "ring": None, "releases": [{**RELEASE, **changes}]}


def test_everything_is_told() -> None:
    lines = changelog.RENDERERS["changelog-text"](result())
    assert lines == [
        "44.2 (abababababab), serial 2",
        "  composed 2026-01-02T03:04:05Z by alice",
        "  pilot 2026-01-02T03:04:05Z by alice: tried at home",
        "  gate diff for pilot: needs-approval: removed tool",
        "  approved (removed:tool, OVERRIDES soak) 2026-01-02T03:04:05Z by bob: seen",
        "  HELD (build 44.2) 2026-01-02T03:04:05Z by alice: boots badly",
        "  hold released 2026-01-02T03:04:05Z by carol",
        "  fixes A-1 (critical, CVE-2026-1): hello: bad",
        "  upgraded hello 1-1 -> 2-1",
    ]


def test_what_is_not_known_is_said() -> None:
    said = "\n".join(changelog.RENDERERS["changelog-text"](result(rings=[], advisories=None, previous=None)))
    assert "has reached no ring" in said
    assert "security advisories: not known" in said
    assert "the first release" in said
    nothing: Result = {"environment": "prod", "ring": None, "releases": []}
    assert changelog.RENDERERS["changelog-text"](nothing) == ["prod has no release yet"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert\(1\)\</script\>"),
        ("[click](https://bad.example)", r"\[click\]\(https\://bad.example\)"),
        ("see www.bad.example", r"see www\.bad.example"),
        ("![x](y) `code` *bold* _it_ ~~no~~", r"\!\[x\]\(y\) \`code\` \*bold\* \_it\_ \~\~no\~\~"),
        ("a | b & c \\ d @everyone #1 $x$", r"a \| b \& c \\ d \@everyone \#1 \$x\$"),
        ("two\nlines\n# heading", r"two lines \# heading"),
        ("bell\x07 \x1b[31m\u202e", r"bell? ?\[31m?"),
    ],
)
def test_markdown_shows_text_from_outside_as_it_is(text: str, shown: str) -> None:
    assert changelog.markdown(text) == shown
    release = result(rings=[{"ring": "pilot", **WHO, "reason": text}])
    (line,) = [
        line for line in changelog.RENDERERS["changelog-markdown"](release) if line.startswith("- pilot")
    ]
    assert line.endswith(shown)
