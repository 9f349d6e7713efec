"""The mapping file: read, checked, and compiled to rules, values and expressions.

load            reads and checks a file
checks          what the shape of the file cannot say: names, reach, repetition
schema          the file as a whole
setting         the entries `settings`; setting_values: their values while the function serves
rule            the entries `rules`
case            the entries `tests`
protocol        the registry of protocols, and what each of them offers
system_entry    the entry `system`
entry           what all entries share; the base of calls
expression      expressions and text with `{{ }}`; language: what they can say
document        a YAML file that remembers the place of everything, and lints
"""
