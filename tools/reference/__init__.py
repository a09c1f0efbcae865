"""Write docs/reference from the program: `make docs`. Users do not install this."""
