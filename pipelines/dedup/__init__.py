"""The job ``dedup``: verdicts on images, documents and paragraphs that repeat one another."""
