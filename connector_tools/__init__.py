"""The command line and what it needs. The function itself never imports this package.

cli              the command `connector`, one file per command
simulation       PortaBilling, NSPS and the network, simulated around the connector
stack            the function and an HLR/HSS side by side, for `run` and `demo`
counterparts     external systems to try a connector with: an embedded HLR/HSS, a real osmo-hlr
documents        documents made from the code: OpenAPI, licences
explain, explain_text, deployment, draft   what would be sent for an event, and why
mapping_tests, script                      the tests inside mapping files
send, events_file    posts events from a file to a connector
dead_letters         reads, replays and removes dead letters
program, function_process   start programs, and functions as they are deployed
terminal, quiet             what commands print, and the log lines that they hide
"""
