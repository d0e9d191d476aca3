"""DICOM in and out: series of images, maps, regions."""
