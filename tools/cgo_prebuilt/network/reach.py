"""Check whether a URL is available, as a fetch would, without its body."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import CHECK_NETWORK, Failure
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

_SETTINGS = replace(
    TransportSettings(), connect_seconds=5.0, read_seconds=10.0, header_seconds=15.0
)


def status_of(url: Url, environ: Mapping[str, str] = os.environ) -> int:
    """Request a URL and close the connection after the headers.

    A HEAD would be cheaper but less reliable: a signed URL is valid for one method only, and not every
    server answers HEAD.

    Args:
        url: An http, https or file URL.
        environ: See `HttpClient`.

    Returns:
        The HTTP status; 200 or 404 for a file.

    Raises:
        UnavailableError: There is no answer.
    """
    try:
        path = url.file()
        if path is not None:
            return 200 if os.path.isfile(path) else 404  # noqa: PTH113
        with HttpClient(_SETTINGS, environ) as client:
            client.open(url).close()
    except ValueError as error:
        raise UnavailableError(
            str(error), where=url, remedy="correct the URL in the manifest"
        ) from error
    except Failure as failure:
        if failure.status is not None:
            return failure.status
        raise UnavailableError(
            failure.reason, where=url, remedy=failure.remedy or CHECK_NETWORK
        ) from failure
    return 200
