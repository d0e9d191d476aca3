"""Phantoms of other parts of the body than the thigh, for sequences of water and fat."""
