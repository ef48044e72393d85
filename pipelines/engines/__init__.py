"""Engines: each a small function from our settings to Beam's flags."""
