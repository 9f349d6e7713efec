"""Credentials that are known only when a request is made: sessions, and values for each message.

    client     the clients: they log in, compute calls with the session, and log in again
    script     the session of a scripted system, for tests of mapping files
    logins     the requests of a login
    keeper     keeps a session, and makes a new one for all events that wait
    entry      the entries `oauth2`, `assertion`, `login` and `wsse` of `system.http.auth`
    signer     signs assertions
    wsse       the UsernameToken of WS-Security

Nothing of this is imported unless a mapping file names one of these kinds.
docs/decisions/0032-session-values.md says where the values are put, and why.
"""
