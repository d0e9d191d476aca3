"""Experiments of Hoppe et al., MICCAI 2019 (RinQ)."""
