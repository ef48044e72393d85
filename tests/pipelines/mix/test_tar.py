"""Our tar writer gives the bytes of the standard library's, and says what it cannot hold."""

import io
import tarfile

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mix import tar
from pipelines.mix.tar import SampleTar, header


class Buffer:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def standard(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()[: archive.offset]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=1500), min_size=1, max_size=6))
def test_bytes_are_those_of_the_standard_library(contents: list[bytes]) -> None:
    buffer = Buffer()
    names = [f"{number:032x}.json" for number in range(len(contents))]
    with SampleTar(buffer) as archive:
        places = [archive.add([(n.encode(), c)]) for n, c in zip(names, contents, strict=True)]

    assert bytes(buffer.data) == standard(list(zip(names, contents, strict=True))) + bytes(1024)
    for offset, length, crc in places:
        assert google_crc32c.value(bytes(buffer.data[offset : offset + length])) == crc


def test_buffers_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [(b"%032x.json" % n, bytes([n]) * 700) for n in range(50)]
    whole, small = Buffer(), Buffer()
    with SampleTar(whole) as archive:
        for member in members:
            archive.add([member])
    monkeypatch.setattr(tar, "BUFFER_BYTES", 1)
    with SampleTar(small) as archive:
        for member in members:
            archive.add([member])

    assert small.data == whole.data


def test_an_error_of_the_disk_is_raised_and_ends_the_thread() -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), SampleTar(Full()) as archive:
        archive.add([(b"a.json", b"x")])


@pytest.mark.parametrize(("name", "size"), [(b"n" * 101, 1), (b"n", 8**11)])
def test_what_a_ustar_header_cannot_hold_is_refused(name: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="does not fit a ustar header"):
        header(name, size)
