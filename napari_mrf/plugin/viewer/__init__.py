"""One of each per viewer: pointer, pins, maps on display, layers in turn, opening of files."""
