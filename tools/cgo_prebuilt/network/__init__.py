"""Downloads: from URLs to an archive with the right hash."""
