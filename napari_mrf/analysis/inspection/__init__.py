"""Inspection: the measured fingerprint of a voxel or region beside the predicted one."""
