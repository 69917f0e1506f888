"""Bytes to domain and back, for every door.

Transports: ``grpc_*`` on ``h2_*``, ``http_*`` on hypercorn, ``websocket_*`` on trio-websocket.
Above them, for all alike: messages, task documents, error statuses.
"""
