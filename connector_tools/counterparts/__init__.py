"""External systems to try a connector against.

The counterpart of an entry of the catalogue has the name of its mapping file:

wtl_hlr_hss     the embedded HLR/HSS
osmo_hlr        a real osmo-hlr
hss_ldap        a real slapd with a schema for subscribers
freeradius_sql  a real FreeRADIUS on a real PostgreSQL
notify_kannel   a real Kannel with fakesmsc
notify_smtp     a real Exim
crm_odoo, crm_salesforce, ericsson_cai3g, google_sheets, huawei_mml, nokia_spml, nudr_quota,
open5gs, pcrf_rest, stalker_iptv: stand-ins

The others:

catalogue       finds the counterpart of a mapping file
counterpart     what every counterpart offers
hlr_http        the embedded HLR/HSS as a process of its own, with WTL's API
rules           what the systems of stand-ins hold, accept and refuse
stand_in        what stand-ins are made of: HTTP, logins, records
real            servers of Debian packages, which can be stopped, killed and restarted
"""
