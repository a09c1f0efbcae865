module example.com/vecsearch

go 1.22
