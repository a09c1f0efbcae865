module example.com/from_source_label

go 1.22
