"""The core beside other writers, on tables of many kinds: see ``just bench-peers``."""
