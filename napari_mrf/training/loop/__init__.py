"""The training loop: steps, checkpoints, processes and the course of the losses."""
