"""Experiments of the BlochNet paper."""
