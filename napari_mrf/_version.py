"""The one place the version is written."""

__version__ = "0.1.0"

NUMERICS = 1
"""Version of the numbers: one more with every change after which the same series, sequence, method
and options give other values. Releases that change none keep it."""
