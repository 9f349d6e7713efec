-- Run this once in the database of FreeRADIUS, as its owner: see mappings/freeradius-sql.md.
-- One user name belongs to one account, and one account has one user name.
create unique index radreply_class_username on radreply (username) where attribute = 'Class';
create unique index radreply_class_account on radreply (value) where attribute = 'Class';
grant select, insert, delete on radcheck, radreply, radusergroup to connector;
grant select on radgroupreply to connector;
grant usage on sequence radcheck_id_seq, radreply_id_seq, radusergroup_id_seq to connector;
