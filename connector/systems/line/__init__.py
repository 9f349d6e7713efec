"""External systems that answer commands of one line, such as Huawei's MML and consoles.

    protocol    the interface of this room
    entry       the entry `system.line` of a mapping file
    call        a call of one command: its entry, and its request
    command     the text of a command, which no value can end
    client      sends commands and judges replies
    pool        the connections of a client
    login       opens connections and logs in on them
    config      the values of `system.line` in a deployment
    wire        one connection: sends a command and receives its reply
    reader      reads a reply from the bytes of a connection
    telnet      the codes of Telnet
    reply       what is read from the lines of a reply
    status      the status in these lines
    script      replies and expected calls in tests of mapping files

docs/decisions/0039-line.md says why values are refused and not escaped.
"""
