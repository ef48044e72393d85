"""CLIP scores: every fetched image against the texts that its page or pair gives it."""
