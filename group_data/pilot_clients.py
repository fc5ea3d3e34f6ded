"""Workstations that follow pilot."""

ostree_follows = "pilot"
