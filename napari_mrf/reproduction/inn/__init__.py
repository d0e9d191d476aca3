"""Experiments of Balsiger et al., MLMIR 2020."""
