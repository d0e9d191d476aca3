"""Sample series, made when first asked for and kept."""
