"""Genuine attestations by GitHub's workflows, and the files that they attest.

The sdist of `pypi-attestations` has them as assets of its tests, so pip downloads them. They are in
the form of PEP 740; this module converts them to Sigstore bundles, the form that GitHub uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.files.file_lock import hold
from tests.bazel.debian_root import cache_folder

VERSION = "0.0.30"
REPOSITORY = "trailofbits/pypi-attestations"
WORKFLOW = f"{REPOSITORY}/.github/workflows/release.yml"
COMMIT = "08802efe1f8e5fec4ad842d6b8ce97656092ee72"
ARCHIVE = "pypi_attestations-0.0.19.tar.gz"


@dataclass(frozen=True)
class Genuine:
    """The assets, in a folder."""

    folder: Path

    @property
    def archive(self) -> Path:
        """A release's archive, whose provenance `bundle` proves."""
        return self.folder / ARCHIVE

    def bundle(self, kind: str = "slsa") -> str:
        """The bundle about the archive: `slsa` says who built it, `publish` who uploaded it."""
        return _bundle(self.folder / f"{ARCHIVE}.{kind}.attestation")

    def gitlab(self) -> str:
        """Return a bundle of another issuer."""
        return _bundle(self.folder / "gitlab_oidc_project-0.0.3.tar.gz.publish.attestation")


def unpack(folder: Path) -> Genuine:
    """Puts the assets into a folder."""
    assets = f"pypi_attestations-{VERSION}/test/assets/"
    with tarfile.open(_sdist()) as sdist:
        for member in sdist:
            if member.isfile() and member.name.startswith(assets):
                file = sdist.extractfile(member)
                assert file is not None
                (folder / Path(member.name).name).write_bytes(file.read())
    return Genuine(folder)


def _sdist() -> Path:
    """Return the sdist; pip downloads it once on each machine, since it builds its metadata."""
    kept = cache_folder(os.environ) / f"pypi_attestations-{VERSION}.tar.gz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--no-deps", "--no-binary=:all:", f"pypi-attestations=={VERSION}"]
    with hold(kept.with_name("attestations-lock")):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                command = [sys.executable, "-m", "pip", "download", "--dest", folder, *options]
                subprocess.run(command, check=True)
                Path(folder, kept.name).rename(kept)
    return kept


def _bundle(path: Path) -> str:
    attestation = json.loads(path.read_text())
    material, envelope = attestation["verification_material"], attestation["envelope"]
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": material["certificate"]},
                "tlogEntries": material["transparency_entries"],
            },
            "dsseEnvelope": {
                "payload": envelope["statement"],
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": envelope["signature"], "keyid": ""}],
            },
        }
    )
