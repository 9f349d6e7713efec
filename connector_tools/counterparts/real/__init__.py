"""Programs of Debian packages, each in a folder and at a port of its own.

running     what all can do: be suspended, stopped, killed and started again
server      one that runs as a user of its own
postgresql  a real PostgreSQL
mariadb     a real MariaDB
slapd       a real slapd
freeradius  a real FreeRADIUS on a PostgreSQL
radius      asks a RADIUS server as a broadband router does
"""
