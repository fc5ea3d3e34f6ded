"""The summary of a repository: what clients look refs up in."""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..repository import writing
from ..repository.reading import Repository
from . import plan


def update_summary(context: Context, environment: Environment, repository: Repository) -> list[str]:
    """Make the summary name the refs as they are; returns what was wrong with it, in words."""
    if not writing.update_summary(repository):
        return []
    context.say(f"Updated the summary of {environment.name}")
    return [plan.UNTOLD]
