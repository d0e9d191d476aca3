"""The place where a dock shows the messages of its panels."""
