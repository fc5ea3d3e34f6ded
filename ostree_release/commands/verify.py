"""`verify`: prove what is published from the journal; exit 1 if something is wrong."""

from ..command_line import calls, takes

arguments = takes("--to", metavar="ENV", help="default: every promoting environment")
run = calls("verify", "proof.verify:prove", "to")
