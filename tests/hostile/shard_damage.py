"""Ways in which a folder of shards goes wrong: each changes a copy, and says what must be found."""

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

Damage = Callable[[pathlib.Path], None]
SHARD = "mix-00001.tar"
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


def cut_boundary(folder: pathlib.Path) -> None:
    os.truncate(folder / SHARD, second_member(folder))


def cut_payload(folder: pathlib.Path) -> None:
    sample = samples(folder)[3]
    os.truncate(folder / SHARD, sample.offset + BLOCK + 7)


def cut_end(folder: pathlib.Path) -> None:
    path = folder / SHARD
    os.truncate(path, path.stat().st_size - 2 * BLOCK)


def flip_payload(folder: pathlib.Path) -> None:
    place = samples(folder)[2].offset + BLOCK + 60
    edit(folder / SHARD, lambda data: data.__setitem__(place, data[place] ^ 1))


def flip_header(folder: pathlib.Path) -> None:
    place = samples(folder)[2].offset + 5
    edit(folder / SHARD, lambda data: data.__setitem__(place, data[place] ^ 1))


def zero_block(folder: pathlib.Path) -> None:
    place = samples(folder)[4].offset
    edit(folder / SHARD, lambda data: data.__setitem__(slice(place, place + 2 * BLOCK), bytes(2 * BLOCK)))


def swap(folder: pathlib.Path) -> None:
    (folder / SHARD).rename(folder / "x")
    (folder / "mix-00002.tar").rename(folder / SHARD)
    (folder / "x").rename(folder / "mix-00002.tar")


def extra(folder: pathlib.Path) -> None:
    shutil.copy(folder / SHARD, folder / "mix-00099.tar")


def manifest_cut(folder: pathlib.Path) -> None:
    os.truncate(folder / "manifest.json", 1000)


def change_manifest(folder: pathlib.Path, change: Callable[[dict[str, object]], None]) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def manifest_edit(folder: pathlib.Path) -> None:
    change_manifest(folder, lambda content: content["rows"].update(text=99))  # type: ignore[attr-defined]


def manifest_path(folder: pathlib.Path) -> None:
    change_manifest(folder, lambda content: content["shards"][0].update(name="../x.tar"))  # type: ignore[index]


def manifest_url(folder: pathlib.Path) -> None:
    change_manifest(folder, lambda content: content["shards"][0].update(name="http://x/a.tar"))  # type: ignore[index]


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
    "shard.name.pax bomb": raw_header(b"pax", b"%011o" % (1 << 30), b"x") + b"30 path=" + bytes(4096),
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
    "shard.utf8.bad": plain_tar(member(f"{NAME}.txt", b"\xff\xfe\xfa")),
    "shard.gzip.shard": b"\x1f\x8b\x08" + bytes(1000),
    "shard.ext.dot": plain_tar(
        member("a.b.jpg"), member("a.c.json", GOOD_JSON), member("b.json", GOOD_JSON), member("a.d.jpg")
    ),
}
"""Case to content; every one must be found."""

KEYS: dict[str, str | None] = {
    "shard.name.abs": "/abs",
    "shard.name.dotdot": "../../evil",
    "shard.ext.dot": "a",
    # The name is in what is refused, or compressed.
    **dict.fromkeys(("shard.name.long", "shard.name.pax", "shard.name.pax bomb", "shard.gzip.shard")),
}
"""Case to the sample that is named, where it is not ``NAME``."""
