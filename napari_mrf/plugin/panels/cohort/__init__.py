"""The window of a cohort: many subjects from series to maps, here or on workers."""
