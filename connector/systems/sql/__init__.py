"""Databases that speak SQL: PostgreSQL and MariaDB.

protocol      the interface of this room
entry         the entry `system.sql` of a mapping file
call          a statement with its parameters: its entry, and its request
statement     reads the text of a statement: parameters, quotes, comments
repetition    whether a statement that is sent again leaves the same rows, for `connector check`
client        sends calls, in one transaction for each event
transaction   the transaction of a turn, and its end
outcomes      what an error of the database means: the table of SQLSTATEs
connection    the interface of the drivers, and their errors
postgresql    the driver for PostgreSQL, on asyncpg; postgresql_types: values in its types
mariadb       the driver for MariaDB, on asyncmy
rows          values of columns, as expressions read them
script        replies and expected calls in tests of mapping files
"""
