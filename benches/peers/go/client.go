package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"bench/benchv1"
)

// figures is what a client prints, as the Rust programs do.
type figures struct {
	Calls       int     `json:"calls"`
	Seconds     float64 `json:"seconds"`
	P50Us       float64 `json:"p50_us"`
	P99Us       float64 `json:"p99_us"`
	ServerCPUUs float64 `json:"server_cpu_us"`
	ClientCPUUs float64 `json:"client_cpu_us"`
}

// options are those of a Rust client that the cases for Go use.
type options struct {
	address              string
	serverPID            int
	kind                 string
	concurrency, payload int
	connections          int
	warmupMs, measureMs  int
}

func parse(args []string) options {
	var o options
	flags := flag.NewFlagSet("call", flag.ExitOnError)
	flags.StringVar(&o.address, "address", "", "address of the server")
	flags.IntVar(&o.serverPID, "server-pid", 0, "process of the server")
	flags.StringVar(&o.kind, "kind", "echo", "echo or order")
	flags.IntVar(&o.concurrency, "concurrency", 1, "calls at a time")
	flags.IntVar(&o.connections, "connections", 1, "connections that share the calls")
	flags.IntVar(&o.payload, "payload", 128, "bytes of payload")
	flags.IntVar(&o.warmupMs, "warmup-ms", 200, "milliseconds of warm-up")
	flags.IntVar(&o.measureMs, "measure-ms", 1000, "milliseconds measured")
	_ = flags.Parse(args) // exits by itself
	return o
}

func call(args []string) error {
	o := parse(args)
	if err := waitForServer(o.address); err != nil {
		return err
	}
	clients := make([]benchv1.BenchClient, o.connections)
	for i := range clients {
		// "passthrough" keeps name resolution out of the way.
		conn, err := grpc.NewClient("passthrough:///"+o.address,
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		clients[i] = benchv1.NewBenchClient(conn)
	}
	once, err := job(o)
	if err != nil {
		return err
	}
	f, err := run(o, clients, once)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// job is what a caller does again and again.
func job(o options) (func(benchv1.BenchClient) error, error) {
	ctx := context.Background()
	switch o.kind {
	case "echo":
		payload := make([]byte, o.payload)
		return func(client benchv1.BenchClient) error {
			answer, err := client.Echo(ctx, &benchv1.Ask{Payload: payload})
			if err == nil && len(answer.Payload) != len(payload) {
				err = fmt.Errorf("%d bytes came back", len(answer.Payload))
			}
			return err
		}, nil
	case "order":
		return func(client benchv1.BenchClient) error {
			placed, err := client.Place(ctx, order())
			if err == nil && len(placed.Items) != 5 {
				err = fmt.Errorf("%d items came back", len(placed.Items))
			}
			return err
		}, nil
	}
	return nil, fmt.Errorf("no kind %q", o.kind)
}

func run(o options, clients []benchv1.BenchClient, once func(benchv1.BenchClient) error) (figures, error) {
	begin := time.Now().Add(time.Duration(o.warmupMs) * time.Millisecond)
	end := begin.Add(time.Duration(o.measureMs) * time.Millisecond)
	latencies := make([][]time.Duration, o.concurrency)
	failures := make([]error, o.concurrency)
	var callers sync.WaitGroup
	for caller := range o.concurrency {
		client := clients[caller%len(clients)]
		callers.Go(func() {
			for then := time.Now(); ; {
				if failures[caller] = once(client); failures[caller] != nil {
					return
				}
				now := time.Now()
				if now.After(end) {
					return
				}
				if now.After(begin) {
					latencies[caller] = append(latencies[caller], now.Sub(then))
				}
				then = now
			}
		})
	}
	time.Sleep(time.Until(begin))
	server, client := cpuNanos(o.serverPID), cpuNanos(os.Getpid())
	begun := time.Now()
	time.Sleep(time.Until(end))
	server, client = cpuNanos(o.serverPID)-server, cpuNanos(os.Getpid())-client
	seconds := time.Since(begun).Seconds()
	callers.Wait()
	if err := errors.Join(failures...); err != nil {
		return figures{}, err
	}
	all := slices.Concat(latencies...)
	if len(all) == 0 {
		return figures{}, errors.New("no call ended in the measured time")
	}
	slices.Sort(all)
	at := func(share float64) float64 {
		return float64(all[int(float64(len(all)-1)*share)].Nanoseconds()) / 1000
	}
	each := func(nanos int64) float64 { return float64(nanos) / 1000 / float64(len(all)) }
	return figures{len(all), seconds, at(0.5), at(0.99), each(server), each(client)}, nil
}

func waitForServer(address string) error {
	end := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
