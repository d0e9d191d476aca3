"""Parameter maps in and out: one folder of NIfTI files per subject."""
