"""What was applied, to which subject, from which snapshot; and who is busy with a subject now.

records                the records, the interface of a store, and the decision
memory                 the store of one process
sqlite                 the store of one machine: a file
sqlite_file            opens this file: permissions, tables, what can be wrong with it
firestore              the store of any number of instances
firestore_documents    documents of a Firestore database, read and written many at once
"""
