"""The journal's anchors, and what can be proven from them."""
