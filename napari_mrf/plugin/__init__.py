"""The napari plugin: panels, their bindings to the session, and what the manifest names."""
