"""Other people's formats: shards written as them, and their data read as documents of a run."""
