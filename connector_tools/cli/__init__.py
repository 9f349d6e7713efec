"""The command line `connector`. docs/operate.md and docs/mapping.md show its use.

app              puts the commands together
check            finds mistakes in a mapping file
run_tests        `connector test`: runs the tests inside mapping files
explain          shows what would be sent for an event
run              keeps the function and an HLR/HSS running
demo             sends a subscriber's life through them
send             posts events to a connector
simulate         simulates a world with faults
dead_letters     `connector dlq`: lists and replays dead letters
schema           prints the JSON Schema of mapping files
openapi          prints the OpenAPI document of the function
options          options that several commands have; world_options: those of simulations
output           output that several commands have
"""
