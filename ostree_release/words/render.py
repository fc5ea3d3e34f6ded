"""Results in words: what a person reads where a program reads JSON."""

from __future__ import annotations

from collections.abc import Callable

from ..text import Result
from . import changelog, composing, judging, proof, releasing, status_and_log

_RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    **composing.RENDERERS,
    **releasing.RENDERERS,
    **judging.RENDERERS,
    **status_and_log.RENDERERS,
    **proof.RENDERERS,
    **changelog.RENDERERS,
}


def render(kind: str, result: Result) -> list[str]:
    """Return the lines that say a result.

    + kind: the subcommand, or a variant of it
    """
    return _RENDERERS[kind](result)
