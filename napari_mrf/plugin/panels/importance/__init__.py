"""The Importance panel: importance of each frame for the maps."""
