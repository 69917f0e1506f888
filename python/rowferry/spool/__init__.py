"""Rows survive: each pushed task's append-only log, on disk or in memory."""
