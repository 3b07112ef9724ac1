"""`python -m qa` is the command `opcit`."""

from .cli import main

main()
