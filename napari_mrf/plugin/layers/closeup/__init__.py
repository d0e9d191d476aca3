"""Close-ups: outlines of regions, the mean over frames, the line of a profile."""
