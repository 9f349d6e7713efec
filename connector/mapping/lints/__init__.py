"""What is wrong with a mapping file that matches the schema. docs/lints.md explains each lint.

Each module yields lints; `connector.mapping.load` asks for all of them. The function's start asks
for all but those of kinds, guards and oversights: a file that serves must go on serving.

checks          names, reachability, repetition: rules that the schema cannot express
fields          unknown fields of the event, of its lists, of replies and settings
resource_checks names and calls of resources
sequence        blocks, and what is between calls
mistakes        what the author cannot have meant, although it never fails
kinds           comparisons of times, numbers and text with each other
constants       values that no event changes, which must not fail; known: what the file decides
oversights      what no event can be applied with, subjects, credentials
guards          no rule writes what a missing part of the event decided
guarded         the rules as `guards` evaluates them, which guarded_rules makes; reads: the fields
                that entries read; missing: a part that is null, unknown: values that are not known,
                unknown_code: expressions with both
"""
