"""A Glean application of a garden: its definitions, its stores, and its pings."""

from typing import Any

NAMESPACE = "org-example-garden"
METRICS = b"""
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
garden:
  visits:
    type: counter
    description: Visits.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [watering]
    expires: never
  season:
    type: string
    description: The season.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [baseline]
    expires: never
  by_tool:
    type: labeled_counter
    labels: [rake, hoe]
    description: Uses of each tool.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [watering]
    expires: 2026-06-01
  rain:
    type: memory_distribution
    memory_unit: byte
    description: Rain.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [watering]
    expires: never
gate:
  opened:
    type: event
    description: The gate was opened.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [watering]
    expires: never
    extra_keys:
      side:
        description: The side.
        type: string
"""
PINGS = b"""
$schema: moz://mozilla.org/schemas/glean/pings/2-0-0
watering:
  description: How the garden is watered.
  include_client_id: false
  bugs: [https://example.org/1]
  data_reviews: [https://example.org/2]
  notification_emails: [gardeners@example.org]
"""
STORES = f"""
["{NAMESPACE}/watering"]
store = "watering"
client_id = "forbidden"
""".encode()


def a_glean_ping(
    metrics: dict[str, Any] | None = None, events: list[Any] | None = None, **client: Any
) -> dict[str, Any]:
    """A ping with *metrics* by type and *events*; *client* replaces fields of ``client_info``."""
    return {
        "ping_info": {"seq": 0, "start_time": "2026-11-22T00:00+00:00", "end_time": "2026-11-22T01:00+00:00"},
        "client_info": {
            "app_display_version": "3.1",
            "app_build": "7",
            "app_channel": "nightly",
            "build_date": "2026-05-31T08:00:00+00:00",
            "telemetry_sdk_build": "60.0.0",
            **client,
        },
        **({} if metrics is None else {"metrics": metrics}),
        **({} if events is None else {"events": events}),
    }
