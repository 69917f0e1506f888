"""What operators see: the log, the metrics, the health of the service."""
