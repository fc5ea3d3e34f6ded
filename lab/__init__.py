"""A repository server and clients that boot real images, in containers on one machine."""
