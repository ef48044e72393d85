"""Training rows from shards: read by arithmetic, checked, decoded and packed for the network."""
