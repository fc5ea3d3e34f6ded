"""Tests that run inside a server, on a real libostree."""
