"""What clients see: task states over gRPC and HTTP, and the files behind their links."""
