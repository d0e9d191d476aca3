"""Refinement: from the best atom to values on a continuous scale, with their uncertainty."""
