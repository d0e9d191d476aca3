"""Importance of the frames: by permutation and by Fisher information."""
