//go:build plugins

package main

// Keeps the generators of rowferryv1 in go.mod; nothing is ever built with this tag.
import (
	_ "google.golang.org/grpc/cmd/protoc-gen-go-grpc"
	_ "google.golang.org/protobuf/cmd/protoc-gen-go"
)
