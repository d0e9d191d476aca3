"""The thigh phantom: anatomy, tissue and how the two become maps."""
