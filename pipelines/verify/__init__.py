"""An independent checker of shards: it shares no code with what writes them."""
