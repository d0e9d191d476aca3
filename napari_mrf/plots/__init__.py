"""Figures from results, without a screen."""
