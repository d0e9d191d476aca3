"""From a grid of parameters to atoms to the best match."""
