"""Where a dock shows the messages of its panels."""
