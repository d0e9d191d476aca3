"""Numbers about maps: regions, errors, agreement, blurriness. Their meaning: docs/analysis.md."""
