"""Valid settings as plain data, from the defaults in group_data/all.py."""

import copy

import group_data.all as defaults

# The server's name in the inventory.
NAME = "images.example.org"


def valid(**changes: object) -> dict[str, object]:
    """All ostree_ settings with their defaults, changed."""
    ours = {key: value for key, value in vars(defaults).items() if key.startswith("ostree_")}
    return copy.deepcopy(ours) | changes
