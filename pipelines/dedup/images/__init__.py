"""How often images occur, near-duplicates counted together."""
