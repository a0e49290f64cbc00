// Command bench is grpc-go as a server and as a client of the bench; its
// command line and its output are those of the Rust programs beside it.
//
//	bench serve SYSTEM --listen ADDRESS
//	bench call SYSTEM --address ADDRESS --server-pid PID ...
//
// After a change of the contract, in this folder, with protoc and its two Go
// plugins: protoc -I ../ours/proto --go_out=. --go_opt=module=bench
// --go-grpc_out=. --go-grpc_opt=module=bench bench.proto
package main

import (
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: bench serve|call SYSTEM FLAGS")
	}
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(os.Args[3:])
	case "call":
		err = call(os.Args[3:])
	default:
		log.Fatalf("no role %q", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}
