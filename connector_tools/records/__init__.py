"""The records that a connector has logged, and what they say about events and subscribers.

record      one record, and which records a command wants
stream      records in a file or on standard input
cloud       records in Cloud Logging
events      which events are not accepted at their last attempt, and what waits
grouping    groups events that fail for the same reason
subject     a subscriber as people type it, and the hashes that stand for it
keys        finds the key of the hashes
period      times as people type them
outage      whether the circuit is open, as far as the log says
ledger_view what the ledger knows of a subscriber now
"""
