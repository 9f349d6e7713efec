"""The mapping file: read, checked, and compiled to rules, values and expressions.

load            reads and checks a file
lints           what is wrong with a file, although it matches the schema
shape           what does not match the schema; keys: what is allowed at a place
schema          the file as a whole
setting         the entries `settings`; setting_values: their values while the function serves
table_entry     the entries `tables`; tables: looking keys up in them
rule            the entries `rules`; resource: the entries `resources`; block: the entries `blocks`
between         the entries of `calls` that are not calls
case            the entries `tests` and `stories`
script          the scripted system of a test, the same for every protocol
protocol        the registry of protocols, and the interface of their rooms
system_entry    the entry `system`
call_entry      the base class of calls; reply_rule: what replies mean
entry           the base class of all entries, and types of their values
expression      compiles expressions and text with `{{ }}`; value: what comes out
language        operators, and what an expression can read; filters: filters and tests
times           filters for times; digests: for digests and their bytes as text
text_filters    filters that cut and fill text, with groups (of a pattern)
json_filters    filters for JSON text and objects
xml_element     the filter `element`: texts of XML
pattern         regular expressions; meter: counts the work of expressions
session         the name `session`: values that a login gives
arguments       names and arguments of filters and tests; chain: the fields that expressions read
omit            the value that leaves a key out
text            values as text; number and json_value: values as numbers and as JSON
document        a YAML file with the place of each key; scalar: its plain values
lint            a problem in a file; spans: where it begins and ends; syntax: YAML's own errors
quoting         values that need quotes
advice          advice for expressions in the spelling of other languages
spelling        advice for misspelt names
"""
