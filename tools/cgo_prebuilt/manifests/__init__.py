"""The manifest, `prebuilt.yaml`."""
