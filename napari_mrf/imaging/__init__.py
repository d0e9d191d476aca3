"""Raw data to an image series, slice by slice."""
