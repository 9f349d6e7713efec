"""The external system: the code that all protocols share, and a room for each protocol.

    guard     around each request: limits, circuit breaker, retries
    limits    calls at once, calls per second, the circuit breaker
    judge     the meaning of a reply: the mapping's `replies`, `accept`, the protocol's own rule
    http      the room of HTTP
    ctrl      the room of Osmocom's control interface

docs/architecture.md shows how to add a protocol.
"""
