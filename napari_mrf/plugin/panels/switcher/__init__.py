"""The Maps bar: one map of one set at a click, another beside it, three planes."""
