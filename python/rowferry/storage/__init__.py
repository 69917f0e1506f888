"""Finished files become objects: adapters of ``ports.ObjectStorage``."""
