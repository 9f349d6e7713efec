"""External systems that speak Osmocom's control interface, such as osmo-hlr.

protocol    the interface of this room
entry       the entry `system.ctrl` of a mapping file
call        a GET or SET of a variable: its entry, and its request
client      sends calls and judges replies
wire        the messages on a connection
script      replies and expected calls in tests of mapping files
"""
