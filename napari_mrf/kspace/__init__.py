"""From k-space to images and back: trajectories, NUFFT, density compensation, coils."""
