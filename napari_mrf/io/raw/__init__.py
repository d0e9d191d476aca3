"""Raw data of scanners: one format a module, one line each in `reader.FORMATS`."""
