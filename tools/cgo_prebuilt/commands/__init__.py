"""The verbs of the command line that Bazel and every consumer run."""
