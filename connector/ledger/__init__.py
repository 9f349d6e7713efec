"""What was applied, to which subject, from which snapshot; and who is busy with a subject now.

records                the records, the interface of a store, and the decision
memory                 the store of one process
sqlite                 the store of one machine: a file
sqlite_file            opens this file: permissions, tables, what can be wrong with it
mounts                 whether a file is on a network file system
firestore              the store of any number of instances
postgresql             the store of any number of instances outside Google
postgresql_tables      its tables, made at the start, and what can be wrong with a database
postgresql_statements  the statements of its methods
postgresql_database    its connections, also behind a pooler
postgresql_place       what can be checked before a connection, and TLS
firestore_documents    documents of a Firestore database, read and written many at once
key_check              whether a ledger was written with the deployment's key
sealed                 encrypts the last event of each subject, if the ledger keeps them
"""
