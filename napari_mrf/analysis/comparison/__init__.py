"""Comparison of maps by several methods with a reference, map by map and region by region."""
