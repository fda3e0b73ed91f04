// Serves the version that it was built with.
package main

import (
	"io"
	"log"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, version) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
