from urllib.parse import parse_qs, urlsplit


def schema_of(url: str) -> str:
    """The schema in which a test's URL finds its tables."""
    return parse_qs(urlsplit(url).query)["search_path"][0]
