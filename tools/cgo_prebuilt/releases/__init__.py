"""What a release says of itself and of its archives, and the lock that is made of it."""
