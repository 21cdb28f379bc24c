"""What the viewers saw: probing, decoding, resizing and writing videos; getting them."""
