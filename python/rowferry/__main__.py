"""`python -m rowferry` is the command `rowferry`."""

from rowferry.cli import main

main()
