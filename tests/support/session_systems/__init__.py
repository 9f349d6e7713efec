"""External systems on loopback that want a login first. A test can end their sessions at any time.

web        the web server under the three systems
soap       SOAP envelopes
eda        Ericsson EDA: CAI3G 1.2, the session's name in a SOAP header
huawei     Huawei HLR: SOAP, the session is a path
open5gs    the web UI of Open5GS: cookie, CSRF token and bearer token

Who is logged in, and what the systems hold, is in `sessions` and `records` of
`connector_tools.counterparts.stand_in`.
"""

from tests.support.session_systems.eda import Eda
from tests.support.session_systems.huawei import Huawei
from tests.support.session_systems.open5gs import Open5gs

__all__ = ["Eda", "Huawei", "Open5gs"]
