"""Side by side: cgo-prebuilt and what people do today, on the same work in one run."""
