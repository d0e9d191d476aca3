"""Matchers that hold every atom: all of them, compressed, or by groups."""
