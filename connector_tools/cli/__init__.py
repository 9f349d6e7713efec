"""The command line `connector`. docs/operate.md and docs/mapping.md show its use.

app              puts the commands together
new              writes a mapping file from a few answers
check            finds mistakes in a mapping file
lsp              `connector lsp`: a language server for editors
run_tests        `connector test`: runs the tests inside mapping files
audit            compares what the external system holds with what it should hold
explain          shows what would be sent for an event
diff             compares two mapping files on recorded events
run              keeps the function and an HLR/HSS running
demo             sends a subscriber's life through them
inspect          serves a mapping file with a page that shows what each event does
probe            tries whether the external system can be reached
send             posts events to a connector; send_report: what it prints
simulate         simulates a world with faults; simulate_load: a load test of a deployment;
                 world_run: what runs and reports both
history          shows what happened to one subscriber or event
wrong            lists the events that are not accepted
caught_up        `connector caught-up`: says whether everything is applied
dead_letters     `connector dlq`: lists and replays dead letters; dead_letter_options: which ones
blast_guard      lets events pass that the blast guard has stopped
schema           prints the JSON Schema of mapping files
openapi          prints the OpenAPI document of the function
options          options that several commands have; world_options: those of simulations;
                 records_options: those of commands that read the log
output           output that several commands have
mapping_settings reads a mapping file with its settings
"""
