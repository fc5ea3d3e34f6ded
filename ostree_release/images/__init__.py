"""What is in an image, and what differs between two."""
