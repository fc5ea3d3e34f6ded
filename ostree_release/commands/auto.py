"""`auto`: take the step that is due by itself, or say what it waits for."""

from ..command_line import calls, target

arguments = target
run = calls("auto", "releasing.auto:auto", "to")
