"""Bytes to domain and back, for every door: the gRPC transport, messages, error statuses."""
