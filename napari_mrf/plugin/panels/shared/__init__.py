"""What several panels use: choices of masks and methods, texts."""
