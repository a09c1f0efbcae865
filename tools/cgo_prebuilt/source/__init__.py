"""Source builds of libraries at a prompt."""
