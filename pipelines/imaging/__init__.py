"""From original bytes to pixels, and the open_clip models that look at them."""
