"""Ways in which a folder of shards goes wrong: each changes a copy, and says what must be found."""

import gzip
import io
import json
import os
import pathlib
import shutil
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow.parquet as pq

SHARD = "mix-00001.tar"
MANIFEST = "manifest.json"
BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    key: str
    offset: int
    length: int


def samples(folder: pathlib.Path, shard: str = SHARD) -> list[Sample]:
    table = pq.read_table(folder / shard.replace(".tar", ".index.parquet"), columns=["key", "offset", "length"])
    return [Sample(**row) for row in table.to_pylist()]


def edit(path: pathlib.Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))


def second_member(folder: pathlib.Path) -> int:
    """Offset of the second header in the shard: the end of its first member."""
    with tarfile.open(folder / SHARD) as tar:
        tar.next()
        member = tar.next()
        assert member is not None
        return int(member.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a finding must name."""

    check: str
    file: str
    key: str | None = None
    offset: int | None = None


Damage = Callable[[pathlib.Path], Place]
"""Changes a folder, and returns what must be found."""


def cut_boundary(folder: pathlib.Path) -> Place:
    sample, end = samples(folder)[0], second_member(folder)
    os.truncate(folder / SHARD, end)
    return Place(check="cut", file=SHARD, key=sample.key, offset=end)


def cut_payload(folder: pathlib.Path) -> Place:
    sample = samples(folder)[3]
    os.truncate(folder / SHARD, sample.offset + BLOCK + 7)
    return Place(check="cut", file=SHARD, key=sample.key, offset=sample.offset + BLOCK + 7)


def cut_end(folder: pathlib.Path) -> Place:
    last = samples(folder)[-1]
    os.truncate(folder / SHARD, last.offset + last.length)
    return Place(check="tar", file=SHARD, key=last.key, offset=last.offset + last.length)


def flip_payload(folder: pathlib.Path) -> Place:
    return _flip(folder, BLOCK + 60)


def flip_header(folder: pathlib.Path) -> Place:
    return _flip(folder, 5)


def _flip(folder: pathlib.Path, place: int) -> Place:
    sample = samples(folder)[2]
    edit(folder / SHARD, lambda data: data.__setitem__(sample.offset + place, data[sample.offset + place] ^ 1))
    return Place(check="crc32c", file=SHARD, key=sample.key, offset=sample.offset)


def zero_block(folder: pathlib.Path) -> Place:
    sample = samples(folder)[4]
    end = sample.offset + 2 * BLOCK
    edit(folder / SHARD, lambda data: data.__setitem__(slice(sample.offset, end), bytes(2 * BLOCK)))
    return Place(check="crc32c", file=SHARD, key=sample.key, offset=sample.offset)


def swap(folder: pathlib.Path) -> Place:
    (folder / SHARD).rename(folder / "x")
    (folder / "mix-00002.tar").rename(folder / SHARD)
    (folder / "x").rename(folder / "mix-00002.tar")
    return Place(check="crc32c", file=SHARD, key=samples(folder)[0].key, offset=0)


def extra(folder: pathlib.Path) -> Place:
    shutil.copy(folder / SHARD, folder / "mix-00099.tar")
    return Place(check="stranger", file="mix-00099.tar", key=samples(folder)[0].key, offset=0)


def manifest_cut(folder: pathlib.Path) -> Place:
    os.truncate(folder / MANIFEST, 1000)
    return Place(check="manifest", file=MANIFEST)


def manifest_of_a_gigabyte(folder: pathlib.Path) -> Place:
    os.truncate(folder / MANIFEST, 1 << 30)
    return Place(check="manifest", file=MANIFEST)


def change_manifest(folder: pathlib.Path, change: Callable[[dict[str, object]], None]) -> None:
    path = folder / MANIFEST
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def manifest_edit(folder: pathlib.Path) -> Place:
    change_manifest(folder, lambda content: content["rows"].update(text=99))  # type: ignore[attr-defined]
    return Place(check="digest", file=MANIFEST)


def manifest_path(folder: pathlib.Path) -> Place:
    change_manifest(folder, lambda content: content["shards"][0].update(name="../x.tar"))  # type: ignore[index]
    return Place(check="names", file=MANIFEST)


def manifest_url(folder: pathlib.Path) -> Place:
    change_manifest(folder, lambda content: content["shards"][0].update(name="http://x/a.tar"))  # type: ignore[index]
    return Place(check="names", file=MANIFEST)


SAMPLES: dict[str, Damage] = {
    "shard.cut.boundary": cut_boundary,
    "shard.cut.payload": cut_payload,
    "shard.cut.end": cut_end,
    "shard.flip.payload": flip_payload,
    "shard.flip.header": flip_header,
    "shard.zero.block": zero_block,
    "shard.swap": swap,
    "shard.extra": extra,
}
"""Case to what it does to a folder of shards; a sample must be named."""

MANIFESTS: dict[str, Damage] = {
    "shard.manifest.cut": manifest_cut,
    "shard.manifest.edit": manifest_edit,
    "shard.manifest.path": manifest_path,
    "shard.manifest.path url": manifest_url,
    "shard.manifest.1GB": manifest_of_a_gigabyte,
}
"""Case to what it does to the manifest: there is no sample to name."""

READ_ALL_THE_SAME = ("shard.cut.end", "shard.extra")
"""Cases of ``SAMPLES`` that take nothing from a reader by index."""


# What follows makes a small tar of its own, as a stranger might hand it over.

NAME = "0" * 32


def member(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def plain_tar(*members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return buffer.getvalue()


def raw_header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """A header with any size field and a right checksum."""
    header = bytearray(BLOCK)
    header[: len(name)] = name
    header[100:108] = b"0000644\0"
    header[124:136] = size.ljust(12, b"\0")
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


OTHER = "1" * 32
GOOD_JSON = b'{"a": 1}'

END = bytes(2 * BLOCK)


def gzip_bomb() -> bytes:
    """A header, then 16 MB of zeros in some kilobytes, again and again: 320 MB come out of 330 kB."""
    header = raw_header(NAME.encode() + b".jpg", b"%011o" % (1 << 30))
    return gzip.compress(header, mtime=0) + 20 * gzip.compress(bytes(1 << 24), mtime=0)


PLAIN: dict[str, bytes] = {
    "shard.interleaved": plain_tar(
        member(f"{NAME}.000.jpg"), member(f"{OTHER}.000.jpg"), member(f"{NAME}.json", GOOD_JSON)
    ),
    "shard.dup.member": plain_tar(member(f"{NAME}.000.jpg"), member(f"{NAME}.000.jpg")),
    "shard.name.dotdot": plain_tar(member("../../evil.jpg")),
    "shard.name.abs": raw_header(b"/abs.jpg", b"00000000001") + b"x".ljust(BLOCK, b"\0") + bytes(2 * BLOCK),
    "shard.name.link": plain_tar(member(f"{NAME}.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "shard.name.link hard": plain_tar(member(f"{NAME}.jpg", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    "shard.name.link fifo": plain_tar(member(f"{NAME}.jpg", b"", type=tarfile.FIFOTYPE)),
    "shard.name.link device": plain_tar(member(f"{NAME}.jpg", b"", type=tarfile.CHRTYPE)),
    "shard.name.long": plain_tar(member("n" * 100_000 + ".jpg"), tar_format=tarfile.PAX_FORMAT),
    "shard.name.pax": plain_tar(
        member(f"{NAME}.jpg", pax_headers={"size": "999999999999"}), tar_format=tarfile.PAX_FORMAT
    ),
    "shard.name.pax bomb": raw_header(b"././@PaxHeader", b"%011o" % (1 << 30), b"x") + b"30 path=" + bytes(4096),
    "shard.size.lie": raw_header(NAME.encode() + b".jpg", b"77777777777") + b"x" * BLOCK,
    "shard.size.lie negative": raw_header(
        NAME.encode() + b".jpg", b"\x80" + struct.pack(">q", -512).rjust(11, b"\xff")
    ),
    "shard.pickle.pyd": plain_tar(member(f"{NAME}.pyd", b"cos\nsystem\n(S'touch canary'\ntR.")),
    "shard.pickle.pth": plain_tar(member(f"{NAME}.pth", b"cos\nsystem\n(S'touch canary'\ntR.")),
    "shard.npy.object": plain_tar(
        member(f"{NAME}.npy", b"\x93NUMPY\x01\x00F\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n")
    ),
    "shard.json.deep": plain_tar(member(f"{NAME}.json", b"[" * 1_000_000)),
    "shard.key.unicode": raw_header(("\N{CYRILLIC SMALL LETTER ZHE}" * 48).encode() + b".jpg", b"%011o" % 0) + END,
    "shard.utf8.bad": plain_tar(member(f"{NAME}.txt", b"\xff\xfe\xfa")),
    "shard.gzip.shard": gzip_bomb(),
    "shard.ext.dot": plain_tar(
        member("a.b.jpg"), member("a.c.json", GOOD_JSON), member("b.json", GOOD_JSON), member("a.d.jpg")
    ),
}
"""Case to content; every one must be found."""

KEYS: dict[str, str | None] = {
    "shard.name.abs": "/abs",
    "shard.name.dotdot": "../../evil",
    "shard.name.long": "n" * 100,  # what of it the header holds
    "shard.name.pax bomb": None,  # the member that it is about does not come
    "shard.ext.dot": "a",
    "shard.key.unicode": "\N{REPLACEMENT CHARACTER}" * 96,
}
"""Case to the sample that is named, where it is not ``NAME``."""

OFFSETS = {"shard.interleaved": 2 * BLOCK * 2, "shard.dup.member": 2 * BLOCK, "shard.ext.dot": 2 * BLOCK * 3}
"""Case to the offset of the header that is named, where it is not the first."""
