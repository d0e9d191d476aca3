"""Widgets that know nothing of fingerprinting."""
