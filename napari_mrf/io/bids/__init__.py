"""Data sets in the Brain Imaging Data Structure, and folders that are named much like them."""
