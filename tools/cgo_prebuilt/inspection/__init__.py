"""Inspection of library files: symbols, requirements and faults."""
