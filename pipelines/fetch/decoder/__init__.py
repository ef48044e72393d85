"""A process of its own for decoding: with limits, without files and network, and replaced when it dies."""
