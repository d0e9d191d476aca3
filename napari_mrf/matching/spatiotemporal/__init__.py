"""Matching patches of fingerprints with those of training subjects (Gómez et al. 2016)."""
