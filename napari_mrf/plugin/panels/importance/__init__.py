"""The Importance panel: frames that matter, and those that do not."""
