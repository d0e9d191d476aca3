"""Devices, threads, memory and compilation: what every number is computed with."""
