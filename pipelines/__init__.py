"""The data jobs: web archives to mixed image-text shards, each job one Beam pipeline over durable Parquet."""
