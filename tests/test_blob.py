"""Azure Blob as ``abfs://``, by adlfs, against a blob service of the test's own on loopback."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import adlfs
import numpy as np
import pytest

from dentline import images, sources
from dentline.errors import DentlineError
from tests import blobs as storage


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The blobs of the container ``line``, by name; reading and listing is all the service can."""
    held: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = unquote(parts.path).split("/line/", 1)[-1]
            wanted = "" if self.command == "HEAD" else self.headers.get("x-ms-range", self.headers.get("Range", ""))
            status, headers, body = storage.answer(held, name, parse_qs(parts.query), wanted)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body)), "x-ms-version": "2021-12-02"}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"BlobEndpoint=http://127.0.0.1:{server.server_port}/factory;AccountName=factory;AccountKey=a2V5"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{where};")
        adlfs.AzureBlobFileSystem.clear_instance_cache()
        yield held
        adlfs.AzureBlobFileSystem.clear_instance_cache()
        server.shutdown()


@pytest.mark.filterwarnings("ignore")
def test_photos_of_a_container_are_listed_and_read(blobs: dict[str, bytes]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    for name in ("day/door 1.png", "day/night/door-2.png", "day/notes.txt"):
        blobs[name] = images.encode_png(picture)
    found = sources.below("abfs://line/day")
    assert list(found) == ["door 1.png", "night/door-2.png"]
    assert np.array_equal(sources.pixels(found["night/door-2.png"].name), picture)
    assert sources.listed(["abfs://line/day"]) == [source.name for source in found.values()]
    before = found["door 1.png"].mark
    blobs["day/door 1.png"] += b"more"
    adlfs.AzureBlobFileSystem.clear_instance_cache()
    assert sources.below("abfs://line/day")["door 1.png"].mark != before
    assert sources.listed(["abfs://line/day/door 1.png"]) == ["abfs://line/day/door 1.png"]


@pytest.mark.filterwarnings("ignore")
def test_rows_of_an_array_are_read_without_the_others(blobs: dict[str, bytes]) -> None:
    array = np.arange(60, dtype=np.uint8).reshape(10, 2, 3)
    out = io.BytesIO()
    np.save(out, array)
    blobs["contexts.npy"] = out.getvalue()
    assert np.array_equal(sources.rows("abfs://line/contexts.npy", 4, 7), array[4:7])


@pytest.mark.filterwarnings("ignore")
def test_folder_without_photos_is_told(blobs: dict[str, bytes]) -> None:
    with pytest.raises(DentlineError, match=r"abfs://line/empty: no photo there"):
        sources.below("abfs://line/empty")
