"""From a build to a ring."""
