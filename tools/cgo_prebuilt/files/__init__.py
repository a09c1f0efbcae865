"""What files and their names need for a crash, a rival process or Windows to do no harm."""
