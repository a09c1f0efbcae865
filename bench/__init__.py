"""Compare cgo-prebuilt with what people use today, on the same work and in one run."""
