"""What every reconstruction method shares: interface, slices, conditioning, provenance."""
