// The replies of replies.py, given by Go's net/http: server HTTP TLS IDLE CERTIFICATE
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const body = `{"a": "Žofie"}`

type reply func(w http.ResponseWriter, r *http.Request)

// whole replies with a body and with headers, given as names and values in turn.
func whole(content string, headers ...string) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for at := 0; at < len(headers); at += 2 {
			if headers[at] == "Set-Cookie" {
				w.Header().Add(headers[at], headers[at+1])
			} else {
				w.Header().Set(headers[at], headers[at+1])
			}
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		io.WriteString(w, content)
	}
}

func many() (headers []string) {
	for number := 0; number < 150; number++ {
		headers = append(headers, fmt.Sprintf("X-Number-%d", number), strconv.Itoa(number))
	}
	return
}

func packed() string {
	var written bytes.Buffer
	writer := gzip.NewWriter(&written)
	io.WriteString(writer, body)
	writer.Close()
	return written.String()
}

func utf16(text string) string {
	written := []byte{0xff, 0xfe}
	for _, letter := range text {
		written = append(written, byte(letter), byte(letter>>8))
	}
	return string(written)
}

var replies = map[string]reply{
	"/plain": whole(body),
	"/port": func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(r.RemoteAddr)
		w.Header().Set("X-Port", port)
	},
	"/chunked": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body[:5])
		w.(http.Flusher).Flush()
		io.WriteString(w, body[5:])
	},
	"/utf-8-header":    whole(body, "X-Name", "Žofie"),
	"/latin-1-header":  whole(body, "X-Name", "M\xfcller"),
	"/many-headers":    whole(body, many()...),
	"/long-header":     whole(body, "X-Long", strings.Repeat("a", 30000)),
	"/two-headers":     whole(body, "Set-Cookie", "a=1", "Set-Cookie", "b=2"),
	"/latin-2":         whole("<a>\xaeofie Kv\xedtkov\xe1</a>", "Content-Type", "text/xml; charset=ISO-8859-2"),
	"/utf-16":          whole(utf16(body), "Content-Type", "application/json; charset=utf-16"),
	"/byte-order-mark": whole("\ufeff" + body),
	"/packed":          whole(packed(), "Content-Encoding", "gzip"),
	"/no-coding":       whole(body, "Content-Encoding", "UTF-8"),
	"/empty":           whole(""),
	"/close":           whole(body, "Connection", "close"),
	"/large":           whole(strings.Repeat("a", 999999)),
	"/too-large":       whole(strings.Repeat("a", 1500000)),
	"/own/early": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(103)
		whole(body)(w, r)
	},
	"/own/continue": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(100)
		whole(body)(w, r)
	},
	"/own/trailer": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, body)
		w.Header().Set("X-Sum", "1")
	},
	"/own/sniffed": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<a/>") },
	"/own/error":   func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) },
	"/own/gone":    func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	"/own/cut": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, body)
	},
	"/own/small": func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000))
		if err != nil {
			http.Error(w, err.Error(), 413)
		}
	},
}

func answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/own/small" {
		io.Copy(io.Discard, r.Body)
	}
	if give, known := replies[r.URL.Path]; known {
		give(w, r)
		return
	}
	status, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/plain")
	w.Header().Set("Retry-After", "30")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func main() {
	http1 := map[string]func(*http.Server, *tls.Conn, http.Handler){}
	made := func(port string, idle time.Duration) *http.Server {
		return &http.Server{
			Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(answer), IdleTimeout: idle, TLSNextProto: http1,
		}
	}
	go made(os.Args[1], 10*time.Second).ListenAndServe()
	go made(os.Args[2], 10*time.Second).ListenAndServeTLS(os.Args[4], os.Args[4])
	made(os.Args[3], 100*time.Millisecond).ListenAndServe()
}
