"""A credential helper in Bazel's protocol, whose secrets are in a file of its own and nowhere else.

Run as a program, it answers `get`: the URI in JSON on standard input, the headers in JSON on standard
output. For a host with `s3` it signs a GET by Signature Version 4, as helpers for object stores do: the
method, the payload and the other headers of a request are unknown to it.
"""

import hashlib
import hmac
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_UNSIGNED = "UNSIGNED-PAYLOAD"


def signed_headers(
    method: str, url: str, key: str, secret: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers of a request to S3 without a look at its body ("Signing AWS API requests")."""
    parts = urlsplit(url)
    time, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _UNSIGNED, "x-amz-date": time}
    names = ";".join(headers)
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    lines = [method, quote(unquote(parts.path), safe="/~"), query]
    lines += [f"{name}:{value}" for name, value in headers.items()]
    lines += ["", names, _UNSIGNED]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signing = f"AWS4{secret}".encode()
    for word in (day, region, "s3", "aws4_request"):
        signing = hmac.digest(signing, word.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    return {
        "x-amz-content-sha256": _UNSIGNED,
        "x-amz-date": time,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names},"
        f" Signature={signature}",
    }


def answer(uri: str, secrets: dict[str, dict[str, str]]) -> dict[str, object]:
    """What the helper answers.

    Args:
        uri: What is about to be asked for.
        secrets: By `host:port`: `key`, `secret` and `region`, or headers.
    """
    known = secrets.get(urlsplit(uri).netloc, {})
    if "secret" in known:
        known = signed_headers("GET", uri, **known, now=datetime.now(timezone.utc))
    return {"headers": {name: [value] for name, value in known.items()}}


def write_helper(folder: Path, secrets: dict[str, dict[str, str]], python: str) -> Path:
    """Writes a helper as a program of its own.

    Args:
        folder: Where to; made.
        secrets: See `answer`.
        python: The interpreter that runs it.

    Returns:
        The program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secrets.json").write_text(json.dumps(secrets))
    (folder / "secrets.json").chmod(0o600)
    helper = folder / "helper"
    helper.write_text(f"#!{python}\n{Path(__file__).read_text(encoding='utf-8')}")
    helper.chmod(0o700)
    return helper


if __name__ == "__main__":
    if sys.argv[1:] != ["get"]:
        sys.exit("usage: helper get < REQUEST")
    with Path(sys.argv[0]).with_name("secrets.json").open(encoding="utf-8") as file:
        print(json.dumps(answer(json.load(sys.stdin)["uri"], json.load(file))))
