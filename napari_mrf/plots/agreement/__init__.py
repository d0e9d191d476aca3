"""Agreement of two reconstructions in regions, drawn: scatter, Bland-Altman, quantiles, shares."""
