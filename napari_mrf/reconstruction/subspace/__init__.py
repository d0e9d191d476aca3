"""Series that are coefficients of a few shapes over time, and methods that use these."""
