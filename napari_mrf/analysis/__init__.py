"""Numbers about maps: regions, errors, agreement, blurriness. What each means: docs/analysis.md."""
