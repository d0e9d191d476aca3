"""A simulated scan of a phantom: radial k-space, coils and noise."""
