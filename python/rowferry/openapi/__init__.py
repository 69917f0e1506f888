"""The description of the HTTP API, made from what the service itself is made of."""
