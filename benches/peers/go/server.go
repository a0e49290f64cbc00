package main

import (
	"context"
	"flag"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	"bench/benchv1"
)

type server struct {
	benchv1.UnimplementedBenchServer
}

func (server) Echo(_ context.Context, ask *benchv1.Ask) (*benchv1.Answer, error) {
	if ask.WaitUs > 0 {
		time.Sleep(time.Duration(ask.WaitUs) * time.Microsecond)
	}
	if ask.SpinUs > 0 {
		end := time.Now().Add(time.Duration(ask.SpinUs) * time.Microsecond)
		for time.Now().Before(end) {
		}
	}
	return &benchv1.Answer{Payload: ask.Payload}, nil
}

func (server) Place(_ context.Context, order *benchv1.Order) (*benchv1.Order, error) {
	return order, nil
}

func (server) Feed(request *benchv1.FeedRequest, stream grpc.ServerStreamingServer[benchv1.Answer]) error {
	answer := &benchv1.Answer{Payload: make([]byte, request.Bytes)}
	for range request.Count {
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
	return nil
}

func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on")
	_ = flags.Parse(args) // exits by itself
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	// Without the program that started it nobody would stop it.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	s := grpc.NewServer()
	benchv1.RegisterBenchServer(s, server{})
	return s.Serve(listener)
}
