"""From a treefile to a build."""
