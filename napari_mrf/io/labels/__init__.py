"""Label maps, label tables and masks in and out."""
