"""Experiments of Balsiger et al., MLMI 2018."""
