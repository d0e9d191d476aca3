"""The session bar: save and restore the work."""
