"""Codes that follow from the codes in park.yaml."""


def gateway_code(site: str) -> str:
    """Each site has one gateway."""
    return f"gw-{site}"


def point_code(park: str, place: str) -> str:
    """Metering point of a site (its grid connection) or of an asset; unique over all parks."""
    return f"{park}.{place}"
