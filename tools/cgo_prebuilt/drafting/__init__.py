"""Drafts a manifest from somebody else's release: `init`. No consumer runs it."""
