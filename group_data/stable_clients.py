"""Workstations that follow stable."""

ostree_follows = "stable"
