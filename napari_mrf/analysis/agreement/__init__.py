"""Agreement of two measurements: Bland-Altman, regression, reliability, repeated measures."""
