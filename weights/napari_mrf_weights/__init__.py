"""Weights of networks of napari-mrf: a folder for each sequence."""
