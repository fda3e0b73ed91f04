// Tells each request it sees, and how long its body was. Go's own server, as it comes.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Method + " " + r.RequestURI
		fmt.Printf("begin %s\n", name)
		length, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		fmt.Printf("end %s %d\n", name, length)
		fmt.Fprintf(w, "%s %d", name, length)
	})))
}
