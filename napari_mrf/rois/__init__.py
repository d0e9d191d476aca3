"""Regions of interest as they are drawn: muscles by name, polygons, and the slices between them.

Everything is in file order and in voxels, in float64, and without a screen. What each step does
to a voxel: docs/analysis.md.
"""
