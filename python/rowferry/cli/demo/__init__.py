"""`rowferry demo`: the main job end to end on this machine, every cell checked."""

from rowferry.cli.demo.command import run_demo

__all__ = ["run_demo"]
