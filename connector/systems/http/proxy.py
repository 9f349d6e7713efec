"""The proxy of the environment, and which hosts need none."""

from ipaddress import ip_address, ip_network
from re import escape, fullmatch
from urllib.request import getproxies_environment

import httpx

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for `url`; None if it is called directly.

    `HTTP_PROXY` or `HTTPS_PROXY` by the scheme of `url`, else `ALL_PROXY`; `NO_PROXY` names the
    exceptions. A name in lower case has precedence. A proxy without scheme is an HTTP proxy.

    Raises:
        ValueError: the proxy cannot be used. The text names the variable and not its value, which
            may hold a password.
    """
    found = getproxies_environment()
    name = url.scheme if found.get(url.scheme) else "all"
    text = found.get(name, "").strip()
    if not text or _is_exception(url, found.get("no", "")):
        return None
    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        sound = proxy.url.scheme in _SCHEMES and proxy.url.host and (proxy.url.port or 1) < 65_536
    except (httpx.InvalidURL, ValueError):
        sound = False
    if not sound:
        raise ValueError(
            f"{name.upper()}_PROXY must be a URL such as http://proxy.example:3128, with one of "
            f"the schemes {', '.join(_SCHEMES)}"
        )
    return proxy


def port_of(url: httpx.URL) -> int:
    """The port of a URL, or that of its scheme."""
    return url.port or (443 if url.scheme == "https" else 80)


def _is_exception(url: httpx.URL, no_proxy: str) -> bool:
    """True if an entry of `NO_PROXY` fits the host and the port of `url`."""
    port = str(port_of(url))
    hosts = {url.host.rstrip(".").lower(), url.raw_host.decode().rstrip(".").lower()}
    entries = no_proxy.lower().replace(",", " ").split()
    return any(_fits(entry, host, port) for entry in entries for host in hosts)


def _fits(entry: str, host: str, port: str) -> bool:
    """True if an entry fits a host.

    An entry is a name (with all names below it), a name with `*`, an address or a network such as
    10.0.0.0/8; `:port` at its end limits it to a port, and an IPv6 address is in brackets then.
    Names are not looked up.
    """
    name, wanted = _without_port(entry)
    if wanted not in ("", port):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address and "*" not in name:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return address in network or plain in network
    name = name.strip(".")
    if "*" in name:
        return fullmatch(escape(name).replace(r"\*", ".*"), host) is not None
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _without_port(entry: str) -> tuple[str, str]:
    """An entry without brackets and port, and the port; empty text if it has none."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        mask, _, port = rest.partition(":")
        return name + mask, port
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""
