"""How a server is reached: through the environment's proxy, this machine's own without one."""

import ipaddress
import re
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener, getproxies, proxy_bypass

from data_augment.errors import BadInput


def open_url(url: str, timeout: float):
    """What urllib.request.urlopen gives for a GET. Raises OSError and ValueError."""
    proxy = proxy_of(url)
    proxies = {urlsplit(url).scheme: proxy} if proxy else {}
    return build_opener(ProxyHandler(proxies)).open(url, timeout=timeout)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment (http_proxy, https_proxy, no_proxy) names for an address.

    None for this machine's own: a proxy elsewhere cannot reach it. Raises BadInput for what is no
    address, and for a SOCKS proxy, which aiohttp does not speak.
    """
    try:
        address = urlsplit(url)
        _ = address.port  # read here, for its ValueError
    except ValueError as error:
        raise BadInput(f"{url}: no address ({error})") from None
    if is_loopback(address.hostname or "") or proxy_bypass(address.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    if proxy and not proxy.startswith(("http://", "https://")):
        raise BadInput(
            f"{url}: the proxy in the environment, {without_password(proxy)}, is no HTTP proxy. "
            f"Name an HTTP proxy in {address.scheme}_proxy, or the host in no_proxy"
        )
    return proxy


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
