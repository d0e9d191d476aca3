"""Two visits of the same subjects: what has changed, region by region."""
