"""The inspector: a page on this machine that shows what a mapping file does with events, and why.

The pipeline, the door, the ledger and the client of the system are the real ones, in this process.
`connector inspect` serves it; the function never imports this package.

    serve             the web server, and the lines on the terminal
    app               the page, its API, the door; loopback keeps others away
    desk              everything that one inspector has
    serving           a mapping file that serves; observed_system notes its calls
    surroundings      the counterpart behind a wire that can be cut; scripted: replies of tests
    observed          what is noted of an event; journal: the events since the start
    history           an exported log, shown in place of the desk
    documents         events as JSON for the page; veil hides secrets and personal data
    mapping_document  the mapping file as JSON; planned: the explanation of an event
    changes           what an edited file would do otherwise
    written_test      makes a test of an event: masked_texts, case_parts (its replies and calls),
                      inserted (into the text of the file)
    judged            which line of the file decided what a reply means
    pins              replies that the page gives in place of the system
    life, records     a simulated subscriber's life, and what the counterpart holds
    curl              a call as a line of curl
    stream            news for the page
"""
