"""
Imports aiohttp without the certificates of authorities.

While it is imported, aiohttp makes the TLS contexts of its client and reads the certificates of all
authorities, twice: an eighth of the CPU time until `serve` starts its workers.  A process that called this
needs a TLS context of its own for each of its clients, as in `histogram_specs.sources.http`.
"""

import os

# OpenSSL looks for authorities in the file and the folder that these variables name.
_NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}


def import_aiohttp() -> None:
    """Import aiohttp, without threads beside; the variables of OpenSSL are as before when it returns."""
    before = {name: os.environ.get(name) for name in _NO_AUTHORITIES}
    os.environ.update(_NO_AUTHORITIES)
    try:
        import aiohttp  # noqa: F401 - later imports find it
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
