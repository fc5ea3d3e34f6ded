"""The one exception that ends a command of the stand-in."""

from __future__ import annotations


class FailedError(Exception):
    """A command failed; the text follows `error: ` on standard error."""

    def __init__(self, text: str, *, usage: str = "") -> None:
        super().__init__(text)
        self.usage = usage


def not_here(what: str) -> FailedError:
    """Return the refusal of something that rpm-ostree has and the stand-in has not."""
    return FailedError(f"{what} is not implemented by the lab's stand-in for rpm-ostree")
