"""What a storage account says of the blobs of one container: the part of its protocol that reading needs."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

DATE = "Fri, 20 Nov 2026 00:00:00 GMT"


def answer(
    held: Mapping[str, bytes], name: str, query: Mapping[str, list[str]], wanted: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a GET: a listing, a blob, or the bytes of it that a Range header asks for."""
    if query.get("comp") == ["list"]:
        return 200, {"Content-Type": "application/xml"}, _listing(held, query.get("prefix", [""])[0])
    if name not in held:
        return 404, {"x-ms-error-code": "BlobNotFound"}, b""
    data = held[name]
    headers = {"ETag": '"1"', "Last-Modified": DATE, "x-ms-blob-type": "BlockBlob"}
    if not wanted:
        return 200, headers, data
    start, _, end = wanted.removeprefix("bytes=").partition("-")
    last = min(int(end or len(data) - 1), len(data) - 1)
    return 206, headers | {"Content-Range": f"bytes {start}-{last}/{len(data)}"}, data[int(start) : last + 1]


def _listing(held: Mapping[str, bytes], prefix: str) -> bytes:
    found = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{DATE}</Last-Modified><Etag>{len(data)}</Etag>"
        f"<Content-Length>{len(data)}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
        for name, data in sorted(held.items())
        if name.startswith(prefix)
    )
    head = '<?xml version="1.0"?><EnumerationResults ContainerName="line"><Blobs>'
    return f"{head}{found}</Blobs><NextMarker/></EnumerationResults>".encode()
