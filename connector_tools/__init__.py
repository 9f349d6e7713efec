"""The command line and what it needs. The function itself never imports this package.

cli                 the command line `connector`, a module for each command
starter             a new mapping file, from a few answers
language_server     the checks of a mapping file in an editor
mapping_tests       runs the tests inside mapping files; made_up_key: for settings that are not set
explain             what would be sent for an event and why; explain_text: the same as lines
explain_summary     an explanation in one line; explain_json: as a JSON document
explain_condition   which condition decided an expression; expression_parts: its parts, with texts
explain_resources   the resources of an event: wanted, found, difference; explain_resources_text
reading             reads what the external system holds, and can write nothing
probe               whether the system can be reached; probe_systems: where it is, how to log in
given_replies       what the external system says, by a file
audit               what the external system holds, compared with what it should hold
text_lines          what the lines of explanations are made of
mending             mends mapping files: the edits of lints
deployment          the settings of this environment, fit to be shown
send                posts events as NSPS does; events_file: reads them from a file
plan_diff           what two mapping files would do otherwise for events
dry_run             what would be done for an event, in one line
records             what a connector has logged: read, grouped, found by subscriber
dead_letters        lists, reads and replays the messages of a dead-letter topic
masked_event        an event without its personal data that is still an event
inspector           what a mapping file does with events, on a page of this machine
simulation          a simulated PortaBilling, NSPS and network around the connector
counterparts        external systems to try a connector against
terminal_desk       serves a mapping file on this machine, and prints what it does
stack               the function and an HLR/HSS on this machine
function_process    a function in a process of its own; program: any other program
documents           documents that are made from the code
site                builds the documentation as a site
release             checks and builds a release
version             the version of this program
terminal            output for people; quiet: without the connector's log lines
"""
