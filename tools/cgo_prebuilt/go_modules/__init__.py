"""Libraries as Go modules, for `go build` without Bazel."""
