"""The three pools: thresholds of the recipe on stored values, and a reason for all that is left out."""
