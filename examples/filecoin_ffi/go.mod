module example.com/filecoin_ffi_example

go 1.23

require github.com/filecoin-project/filecoin-ffi v1.36.1
