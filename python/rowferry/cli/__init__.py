"""The command line. Each command imports what it needs when it runs: ``--help`` stays fast."""

from rowferry.cli.app import main

__all__ = ["main"]
