"""What the decoder process and its owner say to each other: lengths, then bytes or JSON."""

import json
import struct
from dataclasses import asdict
from typing import IO, Any

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.headers.header import ImageHeader
from pipelines.fetch.inspect_image import InspectedImage
from schemas.rejections import RejectReason

LENGTH = struct.Struct("<Q")
READY = b"ready"
"""The first message of the process: what it dies of from now on is an image's fault."""


def read_message(stream: IO[bytes]) -> bytes | None:
    """Returns the next message, None at the end of the stream or where it breaks off."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_message(stream: IO[bytes], body: bytes) -> None:
    """Writes a message and flushes it."""
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def encode_result(result: InspectedImage | BadImageError) -> bytes:
    """Returns a result as JSON."""
    if isinstance(result, InspectedImage):
        return json.dumps(asdict(result)).encode()
    value = {"value": result.value, "threshold": result.threshold}
    return json.dumps({"reason": result.reason.value, "detail": result.detail, **value}).encode()


def decode_result(body: bytes) -> InspectedImage | BadImageError:
    """Returns the result that ``encode_result`` was given."""
    fields: dict[str, Any] = json.loads(body)
    if "reason" in fields:
        reason = RejectReason(fields["reason"])
        return BadImageError(reason, fields["detail"], value=fields["value"], threshold=fields["threshold"])
    header = ImageHeader(**fields["header"])
    return InspectedImage(image_id=fields["image_id"], header=header, phash=fields["phash"])
