"""Makes certificates for tests."""

import subprocess
from pathlib import Path

from tests.support.waiting import PATIENCE_SECONDS


def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and *name*, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", *words, *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    return certificate, key
