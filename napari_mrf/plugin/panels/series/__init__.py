"""The Series panel: open a series and see what it is."""
