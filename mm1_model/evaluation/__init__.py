"""Few-shot evaluation: prompts, metrics, intervals (MM1, section 3 and appendix)."""
