"""`status`: say what is where."""

from ..command_line import calls

run = calls("status", "proof.status:status")
