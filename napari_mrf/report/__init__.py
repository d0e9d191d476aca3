"""Comparisons as files: tables, figures, one HTML page, one PDF. No screen needed."""
