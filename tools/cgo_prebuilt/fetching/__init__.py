"""A plan of what to fetch, and carrying it out."""
