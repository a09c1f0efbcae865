"""Inspection of library files: symbols, needs and faults."""
