package main

import (
	"flag"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

const defaultTimeout = 10 * time.Minute

// target says where the service is and whom to trust.
type target struct {
	address string
	ca      string
}

func targetFlags(flags *flag.FlagSet) *target {
	var t target
	flags.StringVar(&t.address, "address", "127.0.0.1:9090", "host:port of the service")
	flags.StringVar(&t.ca, "ca", "", "PEM file of the authority to trust; empty = no TLS")
	return &t
}

func (t *target) dial() (*grpc.ClientConn, error) {
	security := insecure.NewCredentials()
	if t.ca != "" {
		var err error
		if security, err = credentials.NewClientTLSFromFile(t.ca, ""); err != nil {
			return nil, err
		}
	}
	return grpc.NewClient(t.address, grpc.WithTransportCredentials(security))
}
