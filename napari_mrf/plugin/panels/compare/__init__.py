"""The Compare panel: maps against a reference, for one subject or many."""
