"""The verbs of the command line for those who publish or lock libraries."""
