"""The doors through which rows come in."""
