"""The nouns that every room speaks of; numpy only."""
