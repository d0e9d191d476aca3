"""Regions in the viewer: editor, layers, outlines and pointer."""
