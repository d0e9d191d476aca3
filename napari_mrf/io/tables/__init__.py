"""Tables in and out: tissue parameters and fingerprints."""
