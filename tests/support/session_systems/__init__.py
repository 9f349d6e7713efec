"""External systems on loopback that want a login first. A test can end their sessions at any time.

sessions   who is logged in: lifetimes, limits, counters
records    what the system holds, with unique fields and a list of the writes
web        the web server under the three systems
soap       SOAP envelopes
eda        Ericsson EDA: CAI3G 1.2, the session's name in a SOAP header
huawei     Huawei HLR: SOAP, the session is a path
open5gs    the web UI of Open5GS: cookie, CSRF token and bearer token
"""

from tests.support.session_systems.eda import Eda
from tests.support.session_systems.huawei import Huawei
from tests.support.session_systems.open5gs import Open5gs

__all__ = ["Eda", "Huawei", "Open5gs"]
