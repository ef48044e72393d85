"""Fetching on loopback and inspecting: images a second, with every limit, hash and check on.

    python -m benchmarks.fetch [--images 1000] [--side 500]

The server is a process of its own and answers from memory; so is the decoder. Prints a Markdown table: wall time, and
processor time of the client and of its decoder, which is what counts on a busy machine.
"""

import argparse
import asyncio
import io
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection

import numpy as np
from PIL import Image

from pipelines.fetch.decoder.process import DecoderProcess
from pipelines.fetch.inspect_image import ImageLimits
from pipelines.fetch.results import Fetched, FetchRequest
from pipelines.fetch.web.source import WebSource
from schemas.recipe import FetchSettings, PerHost

DISTINCT = 50
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000)


def photographs(side: int) -> list[bytes]:
    """Returns JPEGs that compress like photographs: smooth noise with some grain."""
    images = []
    for seed in range(DISTINCT):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side * 3 // 4), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = rng.integers(-12, 13, smooth.shape, dtype=np.int16)
        buffer = io.BytesIO()
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        images.append(buffer.getvalue())
    return images


def serve(pipe: Connection, side: int) -> None:
    """Answers ``/<number>`` with an image until it is ended."""
    images = photographs(side)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1][1:]
                body = images[int(path) % DISTINCT] if path.isdigit() else b""
                status = b"200 OK" if body else b"404 Not Found"
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=500)
    args = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, args.side), daemon=True)
    server.start()
    port = ours.recv()
    urls = [FetchRequest(url=f"http://127.0.0.1:{port}/{number}") for number in range(args.images)]
    print(f"{args.images} JPEGs of {args.side} pixels, {len(photographs(args.side)[0])} bytes\n")
    print("| work | images/s | client ms | decoder ms |\n| --- | --- | --- | --- |")
    for name, inspects in (("fetch", False), ("fetch, inspect, hash", True)):
        decoder = DecoderProcess(LIMITS)
        source = WebSource(settings(), inspect=decoder.inspect if inspects else None)
        start, before = time.perf_counter(), time.process_time()
        results = list(source.fetch(urls))
        wall, client = time.perf_counter() - start, time.process_time() - before
        assert all(isinstance(result, Fetched) for result in results), results[:3]
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        decoder.close()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
        print(
            f"| {name} | {args.images / wall:.0f} | {1e3 * client / args.images:.2f} |"
            f" {1e3 * spent / args.images:.2f} |"
        )
    server.terminate()
    server.join()


def settings() -> FetchSettings:
    """Returns settings that let one host be asked as fast as it answers."""
    return FetchSettings(
        source="web",
        user_agent="mm1-benchmark/1.0 (+https://lab.example/bot)",
        allow_private_addresses=True,
        ports=(),
        per_host=PerHost(connections=32, requests_per_s=1e6),
    )


if __name__ == "__main__":
    main()
