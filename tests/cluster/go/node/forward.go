package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// An end is where one side of a connection lives. namespace is a file such as /proc/7/ns/net, or "" for this process's own.
type end struct{ namespace, address string }

// A spec is `listen=dial`, each side `[NAMESPACE@]HOST:PORT`.
func parseSpec(spec string) (listen, dial end, err error) {
	from, to, found := strings.Cut(spec, "=")
	if !found {
		return end{}, end{}, fmt.Errorf("spec %q is not LISTEN=DIAL", spec)
	}
	return parseEnd(from), parseEnd(to), nil
}

func parseEnd(text string) end {
	if namespace, address, found := strings.Cut(text, "@"); found {
		return end{namespace, address}
	}
	return end{"", text}
}

// A socket belongs for life to the namespace its thread was in when it was made, so one process can hold both sides.
func forwardAll(specs []string) error {
	failed := make(chan error)
	for _, spec := range specs {
		listen, dial, err := parseSpec(spec)
		if err != nil {
			return err
		}
		listener, err := inNamespace(listen.namespace, func() (net.Listener, error) { return net.Listen("tcp", listen.address) })
		if err != nil {
			return fmt.Errorf("listen on %s: %w", listen.address, err)
		}
		go func() { failed <- serve(listener, dial) }()
	}
	return <-failed
}

func serve(listener net.Listener, target end) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go carry(client.(*net.TCPConn), target)
	}
}

func carry(client *net.TCPConn, target end) {
	defer client.Close()
	conn, err := inNamespace(target.namespace, func() (net.Conn, error) {
		return net.DialTimeout("tcp", target.address, dialTimeout)
	})
	if err != nil {
		log.Printf("dial %s: %v", target.address, err)
		// A reset, not an orderly end: the client must not take this for an answer.
		_ = client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	done := make(chan struct{})
	go func() { copyHalf(server, client); close(done) }()
	copyHalf(client, server)
	<-done
}

// Go moves the bytes with splice(2); a slow reader blocks it, which is the back-pressure. Each half closes by itself.
func copyHalf(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = to.CloseWrite()
}

// inNamespace runs make on a thread that has entered the namespace. The thread is never unlocked, so it ends with
// its goroutine and no other goroutine can come to run in the foreign namespace.
func inNamespace[T any](namespace string, make_ func() (T, error)) (T, error) {
	if namespace == "" {
		return make_()
	}
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		var r result
		if r.err = enter(namespace); r.err == nil {
			r.value, r.err = make_()
		}
		results <- r
	}()
	r := <-results
	return r.value, r.err
}

func enter(namespace string) error {
	file, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer file.Close()
	const setns = 308 // x86_64
	if runtime.GOARCH == "arm64" {
		return fmt.Errorf("only amd64 is supported")
	}
	if _, _, errno := syscall.RawSyscall(setns, file.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
		return fmt.Errorf("enter %s: %w", namespace, errno)
	}
	return nil
}
