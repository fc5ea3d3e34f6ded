"""The checks that can refuse a candidate, one module each."""
