"""Which names and addresses mean this machine alone."""

import ipaddress


def is_loopback_host(host: str) -> bool:
    """Whether a host, without a port, is localhost or an address of this machine that no other reaches."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
