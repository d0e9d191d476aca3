"""Experiments of Balsiger et al., MedIA 2020."""
