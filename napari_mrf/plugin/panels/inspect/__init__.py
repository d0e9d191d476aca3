"""The Inspect panel: fingerprints under the pointer, pinned and by region."""
