"""Training data: dictionaries, phantoms, measured subjects, and batches of them."""
