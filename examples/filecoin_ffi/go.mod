module example.com/filecoin_ffi_example

go 1.23
