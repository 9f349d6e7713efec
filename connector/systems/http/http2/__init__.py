"""Connections that speak HTTP/2, for systems whose mapping file says `http2: true`.

    transport    the connections to each host, as a transport of httpx
    connection   one connection: TCP or TLS, when it may be used, how long it is kept
    streams      the requests that are under way on a connection
    exchange     one request and its reply
    fields       the header fields of a request
    frames       cuts the bytes of a connection into frames

The package h2 does the protocol. It is imported only if a mapping file wants HTTP/2
(docs/decisions/0042-http2.md).
"""
