"""Cohorts: many subjects from files to maps and tables, on one machine or a cluster."""
