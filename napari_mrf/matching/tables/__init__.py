"""Spline tables of signals and their derivatives, for values between the atoms."""
