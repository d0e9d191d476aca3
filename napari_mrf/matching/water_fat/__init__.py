"""Matching of mixtures of water and fat, without a dictionary of their sums."""
