"""`run-gate`: what the systemd unit of a gate of your own runs."""

from ..command_line import calls, takes

arguments = takes("run", metavar="RUN")
run = calls("run-gate", "gates.own.inside:run_gate", "run")
