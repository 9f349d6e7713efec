"""External systems that speak HTTP.

    protocol       the interface of this room
    entry          the entry `system.http` of a mapping file
    call           an HTTP call: its entry, and its request
    pages          the entry of a look-up whose reply comes in pages
    request        the request of a call, with its credentials
    credentials    headers and query parameters that authenticate a request
    session        logins, and calls that need their results: a folder of its own
    client         sends calls and judges replies
    outcomes       tables from exceptions and statuses to outcomes
    transport      the pool of connections, and those through a proxy
    http2          connections that speak HTTP/2: a folder of its own
    proxy          the proxy of the environment, and which hosts need none
    connection     one connection: sends a request and receives its reply
    reader         reads a reply from the bytes of a connection
    head           status and headers of a reply, and where its body ends
    coding         unpacks the body of a reply
    charset        the text of a body
    faults         replies that came and cannot be used
    script         replies and expected calls in tests of mapping files
    preview        a request for people to read

docs/decisions/0014-own-connections.md says why the connections are not those of a library.
"""
