#!/usr/bin/env python3
"""A credential helper, in Bazel's protocol, for S3 and for stores with its API: it signs each request.

Copy it, and name it in .bazelrc and in CGO_PREBUILT_CREDENTIAL_HELPER (docs/hermetic-ci.md). Bazel asks it
for downloads. cgo-prebuilt asks it for uploads, too, with the method in CGO_PREBUILT_METHOD.

The keys are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without them, those of
the profile AWS_PROFILE in ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE). AWS_REGION is us-east-1
by default.
"""

import configparser
import hashlib
import hmac
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_UNSIGNED = "UNSIGNED-PAYLOAD"  # a helper does not see what is uploaded


def keys() -> dict[str, str]:
    """The access key, by the names that a profile has."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    found = {name: os.environ.get(name.upper(), "") for name in names}
    if not found["aws_access_key_id"]:
        path = (
            os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path("~/.aws/credentials").expanduser()
        )
        profiles = configparser.RawConfigParser()
        profiles.read(path)
        profile = profiles[os.environ.get("AWS_PROFILE") or "default"]
        found = {name: profile.get(name, "") for name in names}
    return found


def signed_headers(
    method: str, uri: str, key: dict[str, str], region: str, now: datetime
) -> dict[str, str]:
    """The headers of a request (Amazon S3 API, "Authenticating Requests", Signature Version 4)."""
    parts = urlsplit(uri)
    time, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _UNSIGNED, "x-amz-date": time}
    if key["aws_session_token"]:
        headers["x-amz-security-token"] = key["aws_session_token"]
    names = ";".join(headers)
    query = "&".join(
        sorted(f"{one}=" if "=" not in one else one for one in parts.query.split("&") if one)
    )
    lines = [method, quote(unquote(parts.path), safe="/~"), query]
    lines += [f"{name}:{value}" for name, value in headers.items()] + ["", names, _UNSIGNED]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signing = f"AWS4{key['aws_secret_access_key']}".encode()
    for word in (day, region, "s3", "aws4_request"):
        signing = hmac.digest(signing, word.encode(), "sha256")
    signature = hmac.digest(
        signing, f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}".encode(), "sha256"
    )
    credential = f"Credential={key['aws_access_key_id']}/{scope}"
    del headers["host"]  # whoever sends the request adds it
    authorization = (
        f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature.hex()}"
    )
    return {**headers, "Authorization": authorization}


def main() -> None:
    """Answers `get`."""
    if sys.argv[1:] != ["get"]:
        sys.exit("usage: s3_credentials.py get < REQUEST")
    uri, now = json.load(sys.stdin)["uri"], datetime.now(timezone.utc)
    method = os.environ.get("CGO_PREBUILT_METHOD", "GET")
    headers = signed_headers(method, uri, keys(), os.environ.get("AWS_REGION", "us-east-1"), now)
    # A signature is good for 15 minutes.
    expires = (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(
        json.dumps(
            {"headers": {name: [value] for name, value in headers.items()}, "expires": expires}
        )
    )


if __name__ == "__main__":
    main()
