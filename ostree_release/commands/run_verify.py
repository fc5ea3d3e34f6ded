"""`run-verify`: what the systemd unit runs: verify, and keep the result for status."""

from ..command_line import calls

run = calls("verify", "proof.verify:prove_and_keep")
