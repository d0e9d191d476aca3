"""Raw data of a scanner, and what was made of a raw file."""
