"""What concerns every repository server and no client: beats all.py for group image_servers."""
