"""A client that makes the requests of Mozilla's Measurement Dashboard, in its order."""

from collections.abc import Sequence
from typing import Any


class OldClient:
    """Asks the old service."""

    def __init__(self, reports: Any) -> None:
        self._reports = reports
        self.requests: list[str] = []

    @staticmethod
    def target(by: str, channel: str, version: str, dates: Sequence[str], metric: str, **filters: str) -> str:
        """Return the address of a request for histograms, as the page makes it."""
        parts = [f"version={version}", f"dates={'%2C'.join(dates)}", f"metric={metric}"]
        parts += [f"{name}={filters[name]}" for name in sorted(filters)]
        return f"/aggregates_by/{by}/channels/{channel}/?{'&'.join(parts)}"

    async def get(self, target: str) -> Any:
        """Return the answer."""
        self.requests.append(target)
        return await self._reports.get(target)

    async def json(self, target: str) -> Any:
        """Return the content of an answer, which is 200."""
        answer = await self.get(target)
        assert answer.status == 200, answer.text
        return answer.json()

    async def histograms(
        self, by: str, channel: str, version: str, dates: Sequence[str], metric: str, **filters: str
    ) -> Any:
        """Return histograms, after the checks that the page makes."""
        found = await self.json(self.target(by, channel, version, dates, metric, **filters))
        assert found["buckets"]
        assert isinstance(found["description"], str)
        for entry in found["data"]:
            assert set(entry) == {"date", "label", "histogram", "count", "sum"}
            assert entry["date"] in dates
            assert len(entry["histogram"]) == len(found["buckets"])
        return found

    async def load_page(self, measure: str, **filters: str) -> dict[str, Any]:
        """
        Load a page of the dashboard: its five requests; return what it draws.

        The newest version of the first channel is shown, by build.
        """
        channels = await self.json("/aggregates_by/build_id/channels/")
        dates: dict[tuple[str, str], list[dict[str, str]]] = {}
        for by in ("build_id", "submission_date"):
            for channel in channels:
                dates[by, channel] = await self.json(f"/aggregates_by/{by}/channels/{channel}/dates/")
        channel = channels[0]
        version = max({each["version"] for each in dates["build_id", channel]})
        listed = await self.json(f"/filters/?channel={channel}&version={version}")
        assert set(listed) == {"metric", "application", "architecture", "os", "child"}
        wanted = sorted(each["date"] for each in dates["build_id", channel] if each["version"] == version)
        return dict(await self.histograms("build_id", channel, version, wanted, measure, **filters))
