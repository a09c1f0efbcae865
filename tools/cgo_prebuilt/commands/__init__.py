"""The verbs of the command line that have much to say."""
