"""Objects that a viewer has one of: pointer, pins, maps display, layer turns, opener."""
