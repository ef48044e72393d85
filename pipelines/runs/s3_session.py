"""The HTTP session of the S3 driver: no request waits for ever.

The driver's own time limits begin when a request has been sent. A store that takes a connection and then swallows
packets is never sent to: an upload waits for the answer to its ``Expect: 100-continue``, or for room in the socket.
"""

import asyncio
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ReadTimeoutError

SLOWEST_BYTES_PER_S = 1 << 18
"""An upload that is slower is given up, and asked for again."""


class PatientSession(AIOHTTPSession):
    """Sends each request within the time of silence, and that of its body at the slowest rate."""

    async def send(self, request: Any) -> Any:
        """Returns the response, of which the body may still have to be read.

        Raises:
            ReadTimeoutError: The store did not answer in time; the driver asks again.
        """
        n_bytes = int(request.headers.get("Content-Length") or 0)
        limit_s = (self._timeout.sock_read or 0) + n_bytes / SLOWEST_BYTES_PER_S
        try:
            async with asyncio.timeout(limit_s or None):
                return await super().send(request)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=f"no answer within {limit_s:.3g} s") from error
