"""Samples of the pools become training rows in a fixed order, and rows become shards."""
