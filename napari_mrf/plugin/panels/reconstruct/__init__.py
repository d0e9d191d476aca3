"""The Reconstruct panel: pick a method, run it, see the maps arrive."""
