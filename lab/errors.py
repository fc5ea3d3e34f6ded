"""The one exception of the lab that reaches a person."""

from __future__ import annotations


class LabError(Exception):
    """Something the person can act on: one sentence that names what is wrong and what would help."""
