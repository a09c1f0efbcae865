"""What library files are made of, and what is wrong with them."""
