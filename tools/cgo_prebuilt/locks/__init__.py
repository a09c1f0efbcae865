"""The lock: which bytes a library is made of; read, written and compared."""
