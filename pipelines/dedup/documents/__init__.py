"""Which documents and paragraphs repeat others."""
