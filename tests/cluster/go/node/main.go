// One small program for what the test cluster needs from the kernel and no packaged tool gives in one process:
//
//	init                       the first process of a node or of a pod: reaps orphans, ends on SIGTERM
//	join CGROUP COMMAND...     becomes COMMAND inside CGROUP of every cgroup v1 hierarchy
//	forward NAME SPEC...       carries TCP connections between network namespaces (forward.go)
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "init":
		waitForEnd()
		return nil
	case len(args) >= 3 && args[0] == "join":
		return join(args[1], args[2:])
	case len(args) >= 3 && args[0] == "forward":
		// The name is for those who read the process list.
		return forwardAll(args[2:])
	}
	return fmt.Errorf("usage: node init | join CGROUP COMMAND... | forward NAME SPEC...")
}

// The kernel reaps the children of a process that ignores SIGCHLD (sigaction(2)).
func waitForEnd() {
	signal.Ignore(syscall.SIGCHLD)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

// Joining before exec makes everything the command starts stay in the cgroup too.
func join(cgroup string, command []string) error {
	files, err := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", cgroup, "cgroup.procs"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("cgroup %s does not exist", cgroup)
	}
	for _, file := range files {
		// 0 stands for the writing process.
		if err := os.WriteFile(file, []byte("0"), 0); err != nil {
			return err
		}
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, command, os.Environ())
}
