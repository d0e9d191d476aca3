"""File formats, told by their first bytes: one file each, one line in `registry.FORMATS`."""
