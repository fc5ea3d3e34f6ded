"""The settings of every host in the inventory, checked before pyinfra contacts any of them."""


def check_settings() -> None:
    """Check all hosts' settings; ends the run with all problems if there are any."""
