"""The language server `connector lsp`: the checks of a mapping file while it is written.

server      the protocol: requests of an editor in, answers out; the only module that knows pygls
open_file   a file as it stands in the editor, also while it cannot be read
cursor      where the cursor stands: the path in the file, a key or a value, an expression
names       what an expression can read at a place, and what each name means
completion  keys and names that can be written at the cursor
hover       what a key or a name means, and its value in an event
definition  where a name of the file is defined
sample      the event whose values are shown
"""
