"""Rows become files: the registry of formats and the core's writers behind it."""
