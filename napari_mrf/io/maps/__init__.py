"""Parameter maps in and out: one folder of NIfTI files a subject."""
