"""Mail servers, over SMTP (RFC 5321).

protocol    the interface of this room
entry       the entry `system.smtp` of a mapping file
call        a mail: its entry, and its parts
address     checks addresses, so that none can be two or a command
message     the bytes of a mail: headers and body
client      sends mails and judges replies
outcomes    the table from replies to outcomes
server      a mail server, and how a connection to it fails
wire        one connection to a mail server, by aiosmtplib
script      replies and expected mails in tests of mapping files
"""
