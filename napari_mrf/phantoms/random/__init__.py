"""Slices of random geometry and tissue, to train networks on: domain randomization."""
