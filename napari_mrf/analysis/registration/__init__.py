"""One scan laid over another: follow-up scans, other reconstruction grids."""
