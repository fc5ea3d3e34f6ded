"""Workstations that follow dev."""

ostree_follows = "dev"

# What they say about their boots is what the gate `soak` waits for.
ostree_health_reports = True
