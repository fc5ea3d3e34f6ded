"""`run-compose`: what the systemd unit of a compose runs."""

from ..command_line import calls, takes

arguments = takes("environment", metavar="ENV")
run = calls("run-compose", "composing.compose:run_compose", "environment")
