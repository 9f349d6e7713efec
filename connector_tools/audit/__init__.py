"""The audit: what the external system holds, compared with what it should hold.

audit        the rounds: reads subject after subject, and reads each difference twice
should_be    the events that say what should be: from a file, or from the ledger
progress     how far the audit has come: in a file, or in the ledger
look         reads the resources of one subject and compares them; only reads are sent
listing      lists what the system holds, to find what it should not hold
in_flight    holds a subject in the ledger, so that no event changes it during the second read
pace         how fast the audit reads
finding      the kinds of differences, and one difference
doubles      finds one value of a unique field with two subjects
known        the differences that somebody has explained, until a day
repair       sends events again for what differs, through the pipeline
report       what an audit found
report_text  the same for people, as JSON, and as lines of the log
"""
