"""Foundations of all reconstruction methods: interface, slices, conditioning, provenance."""
