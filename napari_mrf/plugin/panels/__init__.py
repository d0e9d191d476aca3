"""The panels of the dock, one folder a step."""
