"""External systems that speak HTTP.

    protocol       the interface of this room
    entry          the entry `system.http` of a mapping file
    call           an HTTP call: its entry, and its request
    request        the request that a call becomes, credentials included
    credentials    headers and query parameters that authenticate a request
    client         sends calls and judges replies
    outcomes       tables from exceptions and statuses to outcomes
    transport      the connections that are kept, and proxies
    connection     one connection: a request goes out, its reply comes in
    script         replies and expected calls in tests of mapping files
    preview        a request for people to read

The connections are our own: docs/decisions/0014-own-connections.md says what they cost and when
they go.
"""
