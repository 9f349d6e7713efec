"""External systems that speak SOAP over HTTP.

protocol    the interface of this room
entry       the entry `system.soap` of a mapping file: it writes envelopes and reads replies
login       the entry `system.soap.auth.login`; imported only if a mapping file has one
call        a SOAP call: its entry, and its request
script      replies and expected calls in tests of mapping files
envelope    the envelope of a request, and what a reply has in its own
fragment    XML in a mapping file

The client is that of `connector.systems.http`, with its credentials, sessions and certificates
(docs/decisions/0037-soap.md).
"""
