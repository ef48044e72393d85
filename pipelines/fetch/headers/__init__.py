"""What an image says of itself, read from its bytes by pure Python before any decoder sees them."""
