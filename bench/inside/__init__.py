"""What runs on the lab's server, as root, with the server's own Python (3.9 or newer)."""
