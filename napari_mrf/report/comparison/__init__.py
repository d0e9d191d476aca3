"""The report of a comparison: HTML, PDF, tables and the record."""
