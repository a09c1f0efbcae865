"""What a release holds, and the lock that is made of it."""
