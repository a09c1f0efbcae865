"""A real OCI registry: Debian's docker-registry, open, behind a password, or behind a token server."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ports import free_port, listening
from tests.programs import provide

PUBLISHER, READER, PASSWORD = "publisher", "reader", "cAnArY-registry"
"""Two users with one password: one may push and pull, the other only pull."""

_ACTIONS: Mapping[str, frozenset[str]] = {
    PUBLISHER: frozenset({"pull", "push", "delete"}),
    READER: frozenset({"pull"}),
}
_ISSUER, _SERVICE = "tests", "registry.test"
# The one form that the registry reads is bcrypt's: htpasswd -nbB publisher PASSWORD
_HTPASSWD = "$2b$04$KwogLHZMBxwKZUvyuMuqYeDCRYSXcdbXRv9kmbovxd4hG3ay9Jnru"

Authentication = Literal["none", "basic", "token"]


def _in_order(scope: str) -> str:
    """Return a scope with its actions in order; a registry may name them in any order."""
    resource, _, actions = scope.rpartition(":")
    return f"{resource}:{','.join(sorted(actions.split(',')))}" if actions else scope


@dataclass
class TokenServer:
    """A server that grants tokens (distribution's "Token Authentication Specification").

    Attributes:
        url: Its realm.
        certificate: What the registry trusts, in PEM.
        asked: Each request's user and scope, with ordered actions; an empty user is nobody.
        lifetime: The lifetime of a token in seconds.
    """

    url: str
    certificate: bytes
    key: rsa.RSAPrivateKey
    public: bool
    asked: list[tuple[str, str]] = field(default_factory=list)
    lifetime: int = 300

    def grant(self, login: str | None, scopes: list[str]) -> str | None:
        """A token for the scopes; None for a wrong login."""
        user, _, password = base64.b64decode(login).decode().partition(":") if login else ("",) * 3
        self.asked += [(user, _in_order(scope)) for scope in scopes or [""]]
        if login and (user not in _ACTIONS or password != PASSWORD):
            return None
        allowed = _ACTIONS.get(user, frozenset({"pull"} if self.public else ()))
        access: list[object] = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = sorted(allowed.intersection(actions.split(",")))
            access.append({"type": kind, "name": name, "actions": granted})
        return self._token(user, access)

    def _token(self, user: str, access: Sequence[object]) -> str:
        certificate = x509.load_pem_x509_certificate(self.certificate)
        chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        now = int(time.time())
        claims = {"iss": _ISSUER, "aud": _SERVICE, "sub": user, "access": access}
        times = {"iat": now, "nbf": now - 10, "exp": now + self.lifetime}
        parts = [{"typ": "JWT", "alg": "RS256", "x5c": chain}, {**claims, **times, "jti": "1"}]
        text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Registry:
    """A running registry.

    Attributes:
        address: Its host and port.
        folder: The folder for its files.
        tokens: Its token server; None if it has none.
        authentication: How users authenticate.
    """

    address: str
    folder: Path
    tokens: TokenServer | None
    authentication: Authentication

    def place(self, name: str) -> str:
        """Return the value of `publish --to` and `urls` for one of its repositories."""
        return f"oci://{self.address}/{name}"

    def header(self) -> dict[str, str]:
        """Return the headers that a credential helper gives for a user who may push."""
        login = base64.b64encode(f"{PUBLISHER}:{PASSWORD}".encode()).decode()
        return {"Authorization": f"Basic {login}"}

    def docker_config(self, folder: Path, user: str = PUBLISHER, password: str = PASSWORD) -> Path:
        """Write what `docker login` would write; return the folder for DOCKER_CONFIG."""
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"auths": {self.address: {"auth": login}}})
        (folder / "config.json").write_text(text)
        return folder

    def skopeo(self, *arguments: str, user: str = PUBLISHER) -> bytes:
        """Return the output of another client, such as `skopeo inspect --raw docker://...`."""
        side = ""
        if arguments[0] == "copy":
            side = "src-" if arguments[-2].startswith("docker:") else "dest-"
        options = [f"--{side}tls-verify=false"]
        options += [] if self.authentication == "none" else [f"--{side}creds={user}:{PASSWORD}"]
        command = [provide("skopeo", "skopeo"), arguments[0], *options, *arguments[1:]]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True
        ).stdout

    def tried(self) -> list[str]:
        """Status, method and path of each request that it answered."""
        found = []
        for line in (self.folder / "log").read_text(errors="replace").splitlines():
            if '" ' in line and line.startswith("127.0.0.1 "):
                request, rest = line.split('"')[1:3]
                method, path, _ = request.split(" ")
                found.append(f"{rest.split()[0]} {method} {path}")
        return found


@contextmanager
def oci_registry(
    folder: Path, authentication: Authentication = "token", *, public: bool = False
) -> Iterator[Registry]:
    """Runs a registry while the context lasts.

    Args:
        folder: The folder for its files, which is created.
        authentication: How users authenticate. With `none`, everybody may do everything.
        public: Whether the token server grants everybody a token for pulls.
    """
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "htpasswd").write_text(f"{PUBLISHER}:{_HTPASSWD}\n{READER}:{_HTPASSWD}\n")
    with token_server(public=public) if authentication == "token" else nullcontext() as tokens:
        auth: dict[str, object] = {}
        if tokens is not None:
            (folder / "trusted.pem").write_bytes(tokens.certificate)
            trusted = {"issuer": _ISSUER, "service": _SERVICE}
            trusted |= {"realm": tokens.url, "rootcertbundle": str(folder / "trusted.pem")}
            auth = {"token": trusted}
        elif authentication == "basic":
            auth = {"htpasswd": {"realm": "registry", "path": str(folder / "htpasswd")}}
        # JSON is YAML, too.
        configuration = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {
                "filesystem": {"rootdirectory": str(folder / "storage")},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"127.0.0.1:{port}", "secret": "of the tests"},
            "auth": auth,
        }
        (folder / "config.yml").write_text(json.dumps(configuration))
        log = folder / "log"
        program = provide("docker-registry", "docker-registry")
        with listening([program, "serve", folder / "config.yml"], port, log):
            yield Registry(f"127.0.0.1:{port}", folder, tokens, authentication)


@contextmanager
def token_server(*, public: bool = False) -> Iterator[TokenServer]:
    """Runs a token server while the context lasts; see `oci_registry`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            scopes = [one for text in query.get("scope", []) for one in text.split(" ")]
            kind, _, login = self.headers.get("Authorization", "").partition(" ")
            token = tokens.grant(login if kind == "Basic" else None, scopes)
            answer = {"token": token, "expires_in": tokens.lifetime} if token else {}
            body = json.dumps(answer).encode()
            self.send_response(200 if token else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: `asked` records the requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}/token"
    tokens = TokenServer(url, certificate.public_bytes(Encoding.PEM), key, public)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield tokens
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
