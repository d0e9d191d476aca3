"""The subject bar: which subject of the window is shown."""
