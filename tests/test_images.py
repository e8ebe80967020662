import contextlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dentline import images
from dentline.images import ALL_FORMATS, ImageError, Limits

Picture = NDArray[np.uint8]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def photo() -> Picture:
    rng = np.random.default_rng(5)
    return cv2.GaussianBlur(rng.integers(0, 256, (96, 130, 3), dtype=np.uint8), (0, 0), 2)


def jpeg(photo: Picture, *options: int) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def png(bits: int, colour: int, rows: bytes, width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return PNG + b"".join(chunk(*c) for c in [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def with_exif(data: bytes, orientation: int, order: str = "<") -> bytes:
    body = b"Exif\0\0" + exif(orientation, order)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def code(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(ImageError) as caught:
        images.decode(data, limits)
    assert "\n" not in str(caught.value)
    return caught.value.code


def test_jpeg_equals_opencv_to_the_bit(photo: Picture) -> None:
    for options in [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)]:
        data = jpeg(photo, *options)
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(images.decode(data), expected)


def test_png_comes_back_as_written(photo: Picture) -> None:
    assert np.array_equal(images.decode(images.encode_png(photo)), photo)
    grey = photo[:, :, 0]
    assert np.array_equal(images.decode(images.encode_png(np.ascontiguousarray(grey))), np.dstack([grey] * 3))


@pytest.mark.parametrize("order", "<>")
def test_exif_turns(photo: Picture, order: str) -> None:
    data = jpeg(photo)
    stored = images.decode(data)
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored),
    }
    for orientation, expected in turned.items():
        tagged = with_exif(data, orientation, order)
        assert np.array_equal(images.decode(tagged), expected), orientation
        assert images.size(tagged) == expected.shape[1::-1]
        as_png = images.encode_png(photo)
        end = 8 + 25
        tagged_png = as_png[:end] + chunk(b"eXIf", exif(orientation, order)) + as_png[end:]
        assert images.size(tagged_png) == expected.shape[1::-1]
        assert images.decode(tagged_png).shape == expected.shape


def test_orientation_out_of_range_means_none(photo: Picture) -> None:
    assert images.size(with_exif(jpeg(photo), 9)) == (130, 96)


def test_palette_alpha_and_sixteen_bits() -> None:
    palette = bytes([10, 20, 30, 200, 100, 50])
    found = images.decode(png(8, 3, b"\0\0\1\0\1\0", 2, 2, (b"PLTE", palette), (b"tRNS", b"\x00\x80")))
    assert found.tolist() == [[[10, 20, 30], [200, 100, 50]], [[200, 100, 50], [10, 20, 30]]]
    assert images.decode(png(8, 6, b"\0\1\2\3\0", 1, 1)).tolist() == [[[1, 2, 3]]]
    deep = images.decode(png(16, 0, b"\0" + struct.pack(">4H", 0, 0x80FF, 0xFF00, 0xFFFF), 4, 1))
    assert deep[0, :, 0].tolist() == [0, 0x80, 0xFF, 0xFF]
    assert images.decode(png(1, 0, b"\0\x40", 2, 1))[0, :, 0].tolist() == [0, 255]


def test_webp_and_bmp_only_when_allowed(photo: Picture) -> None:
    for suffix in (".webp", ".bmp"):
        data = cv2.imencode(suffix, photo, [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else [])[1].tobytes()
        assert code(data) == "unsupported_format"
        assert np.array_equal(images.decode(data, Limits(formats=ALL_FORMATS)), photo[:, :, ::-1])
        assert images.size(data) == (130, 96)
        assert code(data[: len(data) // 2], Limits(formats=ALL_FORMATS)) == "truncated"


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png"])
def test_a_picture_cut_short_is_refused(photo: Picture, share: float, kind: str) -> None:
    data = {
        "jpeg": jpeg(photo),
        "progressive": jpeg(photo, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "png": images.encode_png(photo),
    }[kind]
    assert code(cut(data, share)) in {"truncated", "corrupt"}
    mended = cut(data, share) + (b"\xff\xd9" if kind != "png" else chunk(b"IEND", b""))
    assert code(mended) in {"truncated", "corrupt"}


def test_a_header_that_lies_about_its_height_is_refused(photo: Picture) -> None:
    data = bytearray(jpeg(photo))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 7] = struct.pack(">H", 192)
    assert code(bytes(data)) == "corrupt"


BOMBS: dict[str, tuple[Callable[[Picture], bytes], str]] = {
    "nothing": (lambda p: b"", "empty"),
    "text": (lambda p: b"hello", "unsupported_format"),
    "tiff": (lambda p: b"II*\0" + bytes(100), "unsupported_format"),
    "gif": (lambda p: b"GIF89a" + bytes(100), "unsupported_format"),
    "png signature": (lambda p: PNG, "truncated"),
    "chunk of 4 GB": (lambda p: PNG + struct.pack(">I4s", 0xFFFFFFFF, b"IHDR") + bytes(120), "truncated"),
    "second chunk of 4 GB": (
        lambda p: images.encode_png(p)[:33] + struct.pack(">I4s", 0xFFFFFFFF, b"acTL") + bytes(99),
        "truncated",
    ),
    "png of many pixels": (lambda p: png(8, 0, b"", 60_000, 60_000), "too_many_pixels"),
    "png without data": (lambda p: PNG + images.encode_png(p)[8:33] + chunk(b"IEND", b""), "corrupt"),
    "png of two headers": (lambda p: images.encode_png(p)[:33] + images.encode_png(p)[8:], "corrupt"),
    "png of no width": (lambda p: png(8, 0, b"", 0, 5), "corrupt"),
    "png of many chunks": (lambda p: PNG + images.encode_png(p)[8:33] + chunk(b"aaaa", b"") * 30_000, "corrupt"),
    "jpeg of many segments": (lambda p: b"\xff\xd8" + b"\xff\xfe\0\2" * 30_000, "corrupt"),
    "jpeg that only ends": (lambda p: b"\xff\xd8\xff\xd9", "corrupt"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(photo: Picture, name: str) -> None:
    make, expected = BOMBS[name]
    assert code(make(photo)) == expected


def test_many_scans_are_refused(photo: Picture) -> None:
    data = jpeg(photo, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scan = data.rindex(b"\xff\xda")
    assert code(data[:-2] + data[scan:-2] * 60 + data[-2:]) == "too_many_scans"


def test_pixel_limit_counts_pixels(photo: Picture) -> None:
    data = jpeg(photo)
    assert code(data, Limits(max_pixels=96 * 130 - 1)) == "too_many_pixels"
    assert images.decode(data, Limits(max_pixels=96 * 130)).shape == (96, 130, 3)
    assert code(data, Limits(max_bytes=len(data) - 1)) == "too_large"


def test_chunks_no_decoder_needs_are_left_out(photo: Picture) -> None:
    data = images.encode_png(photo)
    noisy = data[:33] + chunk(b"iCCP", b"x" * 500) + chunk(b"acTL", b"\0" * 8) + data[33:] + b"trailing"
    assert np.array_equal(images.decode(noisy), photo)


def test_mutated_pictures_give_pixels_or_an_error(photo: Picture) -> None:
    rng = np.random.default_rng(11)
    sources = [jpeg(photo), jpeg(photo, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), images.encode_png(photo)]
    for number in range(600):
        data = bytearray(sources[number % len(sources)])
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
        with contextlib.suppress(ImageError):
            assert images.decode(bytes(data)).dtype == np.uint8


def test_a_jpeg_is_decoded_down_when_it_may(photo: Picture) -> None:
    data = jpeg(photo)
    full = images.decode(data)
    for least, shape in [((130, 96), (96, 130)), ((66, 48), (96, 130)), ((65, 48), (48, 65)), ((20, 20), (24, 33))]:
        reduced = images.decode(data, least=least)
        assert reduced.shape == (*shape, 3), least
        shrunk = cv2.resize(full, reduced.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(reduced.astype(int) - shrunk).mean() < 5
    turned = with_exif(data, 6)
    assert images.decode(turned, least=(48, 65)).shape == (65, 48, 3)
    assert images.decode(turned, least=(65, 48)).shape == (130, 96, 3)
    assert images.decode(images.encode_png(photo), least=(10, 10)).shape == photo.shape
    assert code(cut(data, 0.5) + b"\xff\xd9") in {"truncated", "corrupt"}
    with pytest.raises(ImageError):
        images.decode(cut(data, 0.5) + b"\xff\xd9", least=(10, 10))


def test_a_file_that_fails_is_named(tmp_path: Path, photo: Picture) -> None:
    path = tmp_path / "door.jpg"
    for read in (images.read, images.size):
        path.unlink(missing_ok=True)
        with pytest.raises(ImageError, match=r"door\.jpg"):
            read(path)
        path.write_bytes(b"")
        with pytest.raises(ImageError, match=r"door\.jpg"):
            read(path)
    path.write_bytes(jpeg(photo))
    assert images.read(path).shape == (96, 130, 3)
    assert images.size(path) == (130, 96)


def test_real_photos_decode(shared: Path) -> None:
    for path in [*sorted((shared / "data/tiles/images").iterdir())[:3], *sorted((shared / "data/nails").glob("*"))[:3]]:
        if path.suffix in {".jpg", ".jpeg", ".png"}:
            width, height = images.size(path)
            assert images.read(path).shape == (height, width, 3)


def test_quality_tells_light_from_dark_and_sharp_from_blurred(photo: Picture) -> None:
    from deployment import quality

    as_it_is = quality.measure(photo)
    assert as_it_is.brightness == pytest.approx(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).mean(), abs=0.5)
    darker = quality.measure(photo // 2)
    assert darker.brightness < as_it_is.brightness - 30
    assert quality.measure(cv2.GaussianBlur(photo, (0, 0), 2)).sharpness < as_it_is.sharpness / 2
    assert quality.measure(np.repeat(photo[:, :, :1], 3, axis=2)).saturation == 0 < as_it_is.saturation
    large = cv2.resize(photo, (1300, 960))
    assert quality.measure(large).brightness == pytest.approx(as_it_is.brightness, abs=2)
