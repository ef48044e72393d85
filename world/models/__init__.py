"""Toy models of the generated world, and the scripts that trained and measured them."""
