"""Text from templates/, with every name that a template uses required to be there.

Unnecessary once pyinfra gives the text of a template to another operation (3.10.0 only uploads it).
"""

import re
import shlex
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.settings import places

FOLDER = Path(__file__).resolve().parents[2] / "templates"


def render(name: str, **values: object) -> str:
    """Fill in a template.

    + name: path below templates/
    + values: what the template names, beside `places`; a missing one raises jinja2.UndefinedError
    """
    return _templates().get_template(name).render(**values)


@cache
def _templates() -> Environment:
    """Make what reads templates, once: it keeps those that are filled in more than once."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals["places"] = places
    environment.filters["quote"] = shlex.quote
    environment.filters["pattern"] = _pattern
    return environment


def _pattern(text: str) -> str:
    """A regular expression of httpd for just this text."""
    return re.sub(r"([^A-Za-z0-9/_-])", r"\\\1", text)
