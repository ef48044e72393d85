"""The decoder process: equal to decoding here, and walls that hold."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.confine import landlock_version
from pipelines.fetch.decoder.process import DecoderProcess, DecoderStartError
from pipelines.fetch.inspect_image import ImageLimits, inspect_image
from schemas.rejections import RejectReason
from tests.pipelines.fetch.images import picture
from tests.pipelines.fetch.web.server import serving

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=1_000_000)
FILES_CLOSED = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")
NETWORK_CLOSED = pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no network")
HOSTILE = "tests.pipelines.fetch.decoder.hostile_child"


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderProcess]:
    process = DecoderProcess(LIMITS, child=HOSTILE, cpu_s=1)
    yield process
    process.close()


def refusal(decoder: DecoderProcess, data: bytes) -> tuple[RejectReason, str]:
    with pytest.raises(BadImageError) as caught:
        decoder.inspect(data)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_the_process_sees_what_we_see(image_format: str) -> None:
    decoder = DecoderProcess(LIMITS)
    image = picture(image_format=image_format)

    assert decoder.inspect(image) == inspect_image(image, LIMITS)
    decoder.close()


def test_a_refusal_comes_back_whole(decoder: DecoderProcess) -> None:
    with pytest.raises(BadImageError) as caught:
        decoder.inspect(picture(2000, 600))

    error = caught.value
    assert (error.reason, error.value, error.threshold) == (RejectReason.TOO_MANY_PIXELS, 1_200_000.0, 1_000_000.0)


def test_too_many_bytes_never_reach_the_process() -> None:
    with pytest.raises(BadImageError, match="2000000 bytes, the limit is 1000000"):
        DecoderProcess(LIMITS, child="no.such.module").inspect(b"x" * 2_000_000)


def test_a_decoder_that_does_not_start_is_no_image_s_fault() -> None:
    with pytest.raises(DecoderStartError, match=r"does not start: .*No module named 'no'"):
        DecoderProcess(LIMITS, child="no.such.module").inspect(picture())


def test_under_a_lower_limit_on_memory_the_decoder_takes_that() -> None:
    look = (
        "from tests.pipelines.fetch.decoder.test_process import *\n"
        "print(DecoderProcess(LIMITS).inspect(picture()).header.format)"
    )
    words = ["prlimit", f"--as={2 << 30}", sys.executable, "-c", look]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert done.stdout == "png\n"


def test_a_decoder_that_crashes_costs_one_image(decoder: DecoderProcess) -> None:
    assert refusal(decoder, b"segv") == (RejectReason.BROKEN_IMAGE, "the decoder died of it 2 times: exit code -11")
    assert decoder.inspect(picture()).header.format == "png"


def test_a_decoder_that_spins_is_ended(decoder: DecoderProcess) -> None:
    assert refusal(decoder, b"spin") == (
        RejectReason.TOO_COMPLEX,
        "the decoder was still busy after 1 s of processor time",
    )
    assert decoder.inspect(picture()).header.format == "png"


def test_a_decoder_that_wants_all_memory_gets_none(decoder: DecoderProcess) -> None:
    assert refusal(decoder, b"hog") == (RejectReason.BROKEN_IMAGE, "stopped by MemoryError")


@FILES_CLOSED
def test_a_decoder_writes_and_reads_no_file(decoder: DecoderProcess, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_text("secret")

    assert refusal(decoder, b"write " + os.fsencode(tmp_path / "new"))[1] == "stopped by PermissionError"
    assert refusal(decoder, b"read " + os.fsencode(tmp_path / "secret"))[1] == "stopped by PermissionError"
    assert not (tmp_path / "new").exists()


@FILES_CLOSED
def test_a_decoder_starts_no_program(decoder: DecoderProcess) -> None:
    assert refusal(decoder, b"exec")[1] == "stopped by PermissionError"


@NETWORK_CLOSED
def test_a_decoder_connects_to_nothing(decoder: DecoderProcess) -> None:
    with serving({}) as server:
        said = refusal(decoder, f"connect {server.port}".encode())[1]

    assert said == "stopped by PermissionError"
    assert server.requests == []
