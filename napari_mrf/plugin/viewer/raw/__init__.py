"""Raw files in a window: what is known of them, and their images while they are made."""
