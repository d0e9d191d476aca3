"""The window that trains a network: recipe, data and time, and how far it is."""
