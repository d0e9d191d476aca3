"""The nouns: what every room speaks of; numpy only."""
