"""The ROIs panel: draw regions, and their statistics."""
