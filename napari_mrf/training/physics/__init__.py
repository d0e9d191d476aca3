"""The signal model inside a loss: differentiable, on the device of the training."""
