"""The checks that can refuse a candidate, one module each: `judge(subject)` returns an outcome."""
