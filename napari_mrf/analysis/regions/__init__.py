"""Statistics of maps by region, for one subject or a study."""
