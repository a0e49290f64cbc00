package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// cpuNanos is the CPU time of all threads of a process in nanoseconds; 0 where
// the kernel does not keep it.
func cpuNanos(pid int) int64 {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum int64
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread ended in between
		}
		var nanos int64
		_, _ = fmt.Sscan(string(text), &nanos)
		sum += nanos
	}
	return sum
}
