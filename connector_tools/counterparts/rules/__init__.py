"""What external systems hold, accept and refuse; the stand-ins bring it to a socket.

hlr                the embedded HLR/HSS
hss                an HSS with several resources for a subscriber; hss.yaml is its mapping
huawei_hlr         Huawei's HLR: commands, parameters, RETCODE
cai3g_records      the managed objects of Ericsson's provisioning gateway
open5gs_web_ui     the web UI of Open5GS: logins, CSRF, documents by IMSI
open5gs_documents  its documents
number_checks      whether a number that two subscribers have was given in good faith
stalker_portal     the portal of Ministra (Stalker): accounts and set-top boxes
odoo_contacts      Odoo's contacts
spreadsheet        a sheet of Google's
"""
