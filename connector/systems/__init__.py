"""The external system: the code that all protocols share, and a room for each protocol.

    guard     around each request: limits, circuit breaker, retries
    limits    calls at once, calls per second, the circuit breaker
    connect   opens TCP connections, with TLS or without
    idle      connections that wait for the next request
    causes    words for network errors
    judge     the meaning of a reply: the mapping's `replies`, `accept`, the protocol's own rule
    http      the room of HTTP
    ctrl      the room of Osmocom's control interface

docs/architecture.md shows how to add a protocol.
"""
