"""Workstations that follow dev."""

ostree_follows = "dev"
