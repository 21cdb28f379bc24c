"""Links that people share, as links that give the file itself."""

from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit


def direct_link(link: str) -> str:
    """The address of the file that a shared link shows a page about.

    Dropbox gives the file where ``dl=1``; Google Drive has an address of its own for downloads,
    where ``confirm`` skips the page that warns of large files. Other links stay as they are.
    """
    parts = urlsplit(link)
    host = (parts.hostname or "").removeprefix("www.")
    if host == "dropbox.com":
        query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "dl"]
        return urlunsplit(parts._replace(query=urlencode([*query, ("dl", "1")])))
    if host in ("drive.google.com", "docs.google.com"):
        folders = parts.path.split("/")
        number = parse_qs(parts.query).get("id", [""])[0]
        if "d" in folders[:-1]:
            number = folders[folders.index("d") + 1]
        if number:
            query = urlencode({"id": number, "export": "download", "confirm": "t"})
            return f"https://drive.usercontent.google.com/download?{query}"
    return link
