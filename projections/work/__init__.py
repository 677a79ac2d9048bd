"""Heavy work: pure functions of pages, by name, and the processes of this machine that do them."""
