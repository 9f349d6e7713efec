"""The external system: the code that all protocols share, and a room for each protocol.

    guard     around each request: limits, circuit breaker, retries
    limits    calls at once, calls per second, the circuit breaker
    connect   opens TCP connections, with TLS or without
    idle      connections that wait for the next request
    trust     TLS: the authorities that are trusted, and our own certificate
    certificate  the client certificate: what is wrong with it
    causes    words for network errors
    renewal   newer credentials, once a system has refused those that were used
    judge     the meaning of a reply: the mapping's `replies`, `accept`, the protocol's own rule
    http      the room of HTTP
    soap      the room of SOAP; it stands on HTTP
    ctrl      the room of Osmocom's control interface
    sql       the room of databases
    line      the room of commands of one line: MML, consoles
    ldap      the room of LDAP
    smtp      the room of mail servers

docs/architecture.md shows how to add a protocol.
"""
