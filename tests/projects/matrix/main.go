// The service of the matrix in a static executable; server.js is the same in JavaScript.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(text))
}

func id() string { return fmt.Sprintf("uid=%d gid=%d", os.Getuid(), os.Getgid()) }

func main() {
	switch command := strings.Join(os.Args[1:], " "); command {
	case "id":
		fmt.Println(id())
		return
	case "check":
		fmt.Println("this check fails")
		os.Exit(3)
	}
	start := read("start.txt")
	own := "may not write here"
	if os.WriteFile("own.txt", []byte(start), 0o644) == nil {
		own = "writes here"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %s, %s, %s", start, read("public/a.txt"), id(), own)
	})
	fmt.Println(start, "listens")
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if err := http.ListenAndServe(":"+port, nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
