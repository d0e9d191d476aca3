"""Differences of whole maps: error maps, similarity, blurriness, units."""
