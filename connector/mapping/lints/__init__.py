"""What is wrong with a mapping file that matches the schema. docs/lints.md explains each lint.

Each module yields lints; `connector.mapping.load` asks for all of them. The function's start does
not ask for those that `authors` lists: a file that serves must go on serving, and start fast.

checks          names, reachability, repetition: rules that the schema cannot express
fields          unknown fields of the event, of its lists, of replies and settings
resource_checks names and calls of resources
sequence        blocks, and what is between calls
once            calls that must not be made twice
mistakes        what the author cannot have meant, although it never fails
kinds           comparisons of times, numbers and text with each other
constants       values that no event changes, which must not fail; known: what the file decides
oversights      what no event can be applied with, subjects, credentials
placeholders    texts that look like something that is computed
choices         a missing `else`, tests that are always true
event_types     event types that are misspelt
starts          what the start refuses besides
authors         the checks that the start does not make
prefixes        prefixes of XML namespaces
guards          no rule writes what a missing part of the event decided
guarded         the rules as `guards` evaluates them, which guarded_rules makes; reads: the fields
                that entries read; missing: a part that is null, unknown: values that are not known,
                unknown_code: expressions with both
marks           where in an expression a name or a field stands
"""
