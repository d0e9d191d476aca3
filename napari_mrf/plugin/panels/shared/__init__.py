"""Parts that several panels use: choices of masks and methods, texts."""
