"""How an environment stands, and what follows from that: read once, decided by pure functions."""
