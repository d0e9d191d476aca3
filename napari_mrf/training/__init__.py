"""From a recipe to weights: data, losses, the loop, and how good the result is."""
