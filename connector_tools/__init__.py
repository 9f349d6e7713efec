"""The command line and what it needs. The function itself never imports this package.

cli                 the command line `connector`, a module for each command
mapping_tests       runs the tests inside mapping files; made_up_key: for settings that are not set
explain             what would be sent for an event and why; explain_text: the same as lines
explain_resources   the resources of an event: wanted, found, difference; explain_resources_text
reading             reads what the external system holds, and can write nothing
text_lines          what the lines of explanations are made of
deployment          the settings of this environment, fit to be shown
send                posts events as NSPS does; events_file: reads them from a file
dry_run             what would be done for an event, in one line
dead_letters        lists, reads and replays the messages of a dead-letter topic
simulation          a simulated PortaBilling, NSPS and network around the connector
counterparts        external systems to try a connector against
stack               the function and an HLR/HSS on this machine
function_process    a function in a process of its own; program: any other program
documents           documents that are made from the code
release             checks and builds a release
terminal            output for people; quiet: without the connector's log lines
"""
