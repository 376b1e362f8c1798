"""One HTML page that shows finished runs: it is a single file, opens from the disk and asks no network."""
