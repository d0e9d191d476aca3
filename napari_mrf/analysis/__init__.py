"""Numbers about maps: how far they are from the truth or from each other."""
