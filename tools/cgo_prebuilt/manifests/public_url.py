"""Refuse URLs with secrets: a lock repeats a manifest's URLs and is committed."""

from __future__ import annotations

from cgo_prebuilt.fields import Fields
from cgo_prebuilt.url import Url


def check_public(url: Url, key: str, fields: Fields) -> None:
    """Refuse a URL that grants access.

    Args:
        url: The URL, or its template.
        key: The manifest's key that holds it.
        fields: The section that has the key.

    Raises:
        ManifestError: It does; the error does not show the secret.
    """
    credential = url.credential()
    if credential is not None:
        raise fields.problem(
            f"'{url}' in {key!r} has {credential}, which the lock would publish",
            "leave it out: put the user and the password into netrc (NETRC), or set"
            " CGO_PREBUILT_MIRROR to the signed URL",
        )
