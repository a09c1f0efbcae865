"""Draft a manifest from somebody else's release, for `init`. No consumer runs it."""
