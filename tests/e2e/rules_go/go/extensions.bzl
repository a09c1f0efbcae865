"""go_sdk, as far as the guides use it: the Go is the machine's own anyway."""

go_sdk = module_extension(
    implementation = lambda _mctx: None,
    tag_classes = {"host": tag_class(doc = "The machine's own Go.")},
)
