"""Folders of HTML files, laid out as ``host/path``: ``FOLDER/example.org/a/`` stands for ``https://example.org/a/``."""

from urllib.parse import quote

PAGE_SUFFIXES = (".html", ".htm", ".xhtml")


def is_page_file(path: str) -> bool:
    """Returns whether a file of a folder is taken as a page, by its name."""
    return path.lower().endswith(PAGE_SUFFIXES)


def url_of_file(path: str, folder: str) -> str:
    """Returns the URL that a file of a folder stands for; ``index.html`` is its folder's page."""
    relative = path[len(folder.rstrip("/")) + 1 :]
    host, _, rest = relative.partition("/")
    if not rest:
        host, rest = "localhost", relative
    head, slash, name = rest.rpartition("/")
    if name.lower() in ("index.html", "index.htm"):
        rest = head + slash
    return f"https://{host}/{quote(rest, safe='/~!$&()*+,;=:@')}"
