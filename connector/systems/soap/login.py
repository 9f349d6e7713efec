"""The entry `system.soap.auth.login`: a session that SOAP calls begin.

`connector.systems.soap.entry` imports this module only if a mapping file has such a login.
"""

from connector.systems.http.session.entry import LoginOf, TakingRequest
from connector.systems.soap.call import SoapCallEntry, SoapRequestEntry


class SoapLoginRequest(TakingRequest, SoapRequestEntry):
    """A request of a login over SOAP."""


class SoapLogin(LoginOf[SoapLoginRequest, SoapRequestEntry]):
    """A session that one or several requests begin; cookies are kept with it."""

    fields = SoapCallEntry.reply_fields
