"""Code for ``point glean``: for each SDK, the lines that start Glean with this server as its endpoint."""

import re
from string import Template
from urllib.parse import urlsplit

_PYTHON = """\
from pathlib import Path

from glean import Configuration, Glean

Glean.initialize(
    application_id="my-app",
    application_version="1.0",
    upload_enabled=True,
    data_dir=Path("glean-data"),
    configuration=Configuration(server_endpoint="$url"),
)"""

_KOTLIN = """\
import mozilla.telemetry.glean.Glean
import mozilla.telemetry.glean.config.Configuration

Glean.initialize(
    applicationContext = applicationContext,
    uploadEnabled = true,
    buildInfo = GleanBuildInfo.buildInfo,
    configuration = Configuration(serverEndpoint = "$url"),
)"""

_RUST = """\
use glean::{ClientInfoMetrics, ConfigurationBuilder};

// The crate has no HTTP client: without .with_uploader(...), your glean::net::PingUploader, nothing is sent.
fn main() {
    let configuration = ConfigurationBuilder::new(true, "glean-data", "my-app")
        .with_server_endpoint("$url")
        .build();
    glean::initialize(configuration, ClientInfoMetrics::unknown());
}"""

_JAVASCRIPT = """\
import Glean from "@mozilla/glean/web";

Glean.initialize("my-app", true, {
  serverEndpoint: "$url",
  enableAutoPageLoadEvents: true,
});"""

_NO_TLS = """\
// Glean.js sends to https only, even on this machine, but "$url" is http.  Two commands set up https:
//   telemetry-server certificate ./tls
//   telemetry-server serve$port --tls-certificate ./tls/certificate.pem --tls-key ./tls/key.pem
// Then open the address below once in the browser, and accept the certificate.
"""

_REFUSED = """\
// Glean.js does not accept the address below: it must be a host name or an IPv4 address, without a path.
"""

# Source: validateURL in core/utils of @mozilla/glean 5.
_GLEAN_JS_URL = re.compile(r"https://[A-Za-z0-9._-]+(:[0-9]+)?")


def glean_snippets(url: str) -> dict[str, str]:
    """
    Return code for each SDK, by language; it runs as it is.

    Args:
        url: The URL of the server, without a final slash.  For Glean.js it always becomes https.
    """
    javascript = Template(_JAVASCRIPT).substitute(url=_for_glean_js(url))
    if not _GLEAN_JS_URL.fullmatch(_for_glean_js(url)):
        javascript = _REFUSED + javascript
    if urlsplit(url).scheme == "http":
        port = urlsplit(url).port
        option = "" if port is None else f" --port {port}"
        javascript = Template(_NO_TLS).substitute(url=url, port=option) + javascript
    return {
        "python": Template(_PYTHON).substitute(url=url),
        "kotlin": Template(_KOTLIN).substitute(url=url),
        "rust": Template(_RUST).substitute(url=url),
        "javascript": javascript,
    }


def _for_glean_js(url: str) -> str:
    """Return *url* with https, and with localhost for [::1], which Glean.js does not accept."""
    parts = urlsplit(url)
    netloc = parts.netloc.replace("[::1]", "localhost")
    return f"https://{netloc}{parts.path}"
