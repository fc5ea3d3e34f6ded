"""Check, approval, hold: what decides whether a candidate may be signed and moved."""
