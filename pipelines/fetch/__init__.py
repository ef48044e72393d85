"""The job ``fetch``: image URLs and image pairs to a store of original bytes, each image measured and checked."""
