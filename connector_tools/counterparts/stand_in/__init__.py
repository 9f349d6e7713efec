"""What stand-ins are made of.

http           a stand-in with an HTTP interface
http2          the same over HTTP/2
sessions       who is logged in: lifetimes, limits, counters
records        what it holds, with unique fields and a list of the writes
signed_tokens  a token endpoint for signed assertions
soap_messages  reads and seals SOAP messages
"""
