"""The NSPS connector: events of PortaBilling, enriched by NSPS, reach an external system.

The path of an event, from the wire and back; docs/architecture.md tells more:

    doors       a request of NSPS, or a message of Pub/Sub
    pipeline    the sequence of all that follows, and the one log record
    event       bytes to an Event; portabilling: what NSPS read from PortaBilling; instant: its
                times; unreadable: fields that cannot be read as their type; json_text: JSON;
                names: those under which its records are found
    plan        Event and mapping file to the calls to make, or why there are none
    ledger      may the event be applied now? duplicate, superseded, busy
    systems     call by call: limits, retries, what the reply means
    ledger      settle: the event was applied, from this snapshot
    outcome     the result of the event, and the answer for NSPS

The nouns between them: call (one request to the external system), system (its client and its
replies), mapping (the mapping file: rules, expressions, checks), log (lines for Cloud Logging),
masking (secrets and personal data in texts).

shadow plans with a second mapping file beside the first, and sends nothing. blast_guard stops an
accident that takes service from many.

startup puts the parts together from settings, secrets and, on Google Cloud, secret_manager. tokens
are the rules for the function's own secrets.
"""
