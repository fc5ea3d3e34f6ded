"""What a command prints for a program, left out of what people see while they follow the command.

Unnecessary once pyinfra can print one of a command's two outputs (3.10.0 prints both, or none).
"""

from typing import Any

import click
from pyinfra.api.output import set_echo


def hide(mark: str) -> None:
    """Have pyinfra print no line with a mark in it from now on."""

    def echo(message: Any = None, **options: Any) -> None:
        if mark not in str(message):
            click.echo(message, **options)

    set_echo(echo)
