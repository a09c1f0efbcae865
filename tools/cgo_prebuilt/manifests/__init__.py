"""The manifest that a person writes."""
