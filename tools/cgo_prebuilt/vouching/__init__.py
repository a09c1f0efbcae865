"""Who vouches for a release: its checksums, their signature, and attestations."""
