// Posts each file as an event with Go's net/http: post URL TOKEN FILE...
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for _, name := range os.Args[3:] {
		file, _ := os.Open(name) // a body of unknown length, which is sent in chunks
		request, _ := http.NewRequest("POST", os.Args[1], file)
		request.Header.Set("Authorization", "Bearer "+os.Args[2])
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Expect", "100-continue")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, string(body))
	}
}
