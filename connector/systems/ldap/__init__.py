"""External systems that are LDAP servers, such as an HSS whose subscribers are entries.

protocol    the interface of this room
entry       the entry `system.ldap` of a mapping file
names       the names of entries, and the encoding of values in them
filters     search filters, and the encoding of values in them
values      the values of attributes
call        a search, an addition, a change or a removal: its entry, and its request
place       where the server is, TLS, and the login
result      what a server replied, or why it did not
outcomes    the table of result codes
messages    the messages on a connection, in BER
wire        a connection: TLS, bind, one request at a time
client      sends calls and judges replies
script      replies and expected calls in tests of mapping files
preview     a request for people to read
"""
