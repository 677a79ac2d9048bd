"""`python -m services` is `rooflog`."""

from .cli import main

main(prog_name="rooflog")
