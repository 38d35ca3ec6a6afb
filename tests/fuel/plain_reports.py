"""Every report computed in plain Python over what was sent, as slowly and simply as possible."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import median
from typing import Any

from tests.fuel.fleet import TYPES, Fleet

Document = dict[str, Any]
UNKNOWN = "unknown"
RANGES = (
    (0, 1, "0"),
    (1, 5, "1-5"),
    (5, 10, "5-10"),
    (10, 20, "10-20"),
    (20, 50, "20-50"),
    (50, 100, "50-100"),
)


class Plain:
    """The reports of a fleet whose documents arrived on *today*."""

    def __init__(self, fleet: Fleet, today: date, release: str | None = None) -> None:
        self.fleet = fleet
        self.today = today
        self.release = release
        self.structures = [s for s in fleet.structures if self._counts(s["master_node_uid"])]
        self.clusters = [(s["master_node_uid"], c) for s in self.structures for c in s["clusters"]]
        self.operable = [(uid, c) for uid, c in self.clusters if c["status"] in ("operational", "error")]

    def _release_of(self, uid: str) -> str | None:
        for structure in self.fleet.structures:
            if structure["master_node_uid"] == uid:
                return str(structure.get("fuel_release", {}).get("release", UNKNOWN))
        return None

    def _counts(self, uid: str) -> bool:
        if uid in self.fleet.filtered:
            return False
        return self.release is None or self._release_of(uid) == self.release

    def _cluster(self, uid: str, cluster_id: int) -> Document | None:
        found = [c for s in self.fleet.structures if s["master_node_uid"] == uid for c in s["clusters"]]
        return next((c for c in found if c["id"] == cluster_id), None)

    def os(self) -> dict[str, Counter[str]]:
        values = [(uid, _folded(c["release"]["os"])) for uid, c in self.operable]
        return {
            "clusters": Counter(value for _, value in values),
            "installations": Counter(v for _, v in set(values)),
        }

    def releases(self) -> dict[str, Counter[str]]:
        return {
            "installations": Counter(
                s.get("fuel_release", {}).get("release", UNKNOWN) for s in self.structures
            ),
            "clusters": Counter(c["release"]["version"] for _, c in self.clusters),
        }

    def statuses(self) -> Counter[str]:
        return Counter(c["status"] for _, c in self.clusters)

    def hypervisors(self) -> Counter[str]:
        return Counter(_folded(c["attributes"].get("libvirt_type")) for _, c in self.operable)

    def storage(self) -> Counter[str]:
        flags = ("volumes_lvm", "volumes_ceph", "images_ceph")
        return Counter(
            "+".join(sorted(f for f in flags if c["attributes"][f])) or "none" for _, c in self.clusters
        )

    def networks(self) -> Counter[str]:
        def kind(cluster: Document) -> str:
            network = cluster.get("network_configuration")
            if network is None:
                return UNKNOWN
            if "net_manager" in network:
                return f"nova-network/{network['net_manager']}"
            return f"neutron/{network['segmentation_type']}/{network['net_l23_provider']}"

        return Counter(kind(c) for _, c in self.clusters)

    def environments(self) -> tuple[dict[str, int], Counter[str]]:
        lengths = [len(s["clusters"]) for s in self.structures]
        differs = sum(s["clusters_num"] != len(s["clusters"]) for s in self.structures)
        totals = {"installations": len(lengths), "environments": sum(lengths), "declared_differs": differs}
        return totals, Counter(map(str, lengths))

    def sizes(self) -> Counter[str]:
        def size(nodes: int) -> str:
            return next((name for low, high, name in RANGES if low <= nodes < high), "100+")

        return Counter(size(c["nodes_num"]) for _, c in self.operable)

    def projects(self) -> Counter[str]:
        names = ("sahara", "murano", "ceilometer", "heat", "ironic")
        return Counter({n: sum(bool(c["attributes"].get(n)) for _, c in self.clusters) for n in names})

    def customised(self) -> int:
        return sum(c["is_customized"] for _, c in self.clusters)

    def server_types(self) -> tuple[Counter[str], Counter[str]]:
        makers: Counter[str] = Counter()
        types: Counter[str] = Counter()
        for _, cluster in self.clusters:
            for node in cluster["nodes"]:
                system = node.get("meta", {}).get("system", {})
                maker = _folded(system.get("manufacturer"))
                if maker == UNKNOWN:
                    maker = _folded(node.get("manufacturer"))
                product = _folded(system.get("product"))
                makers[maker] += 1
                types[maker if product == UNKNOWN else f"{maker} {product}"] += 1
        return makers, types

    def node_types(self) -> tuple[Counter[str], Counter[str], int]:
        nodes = [sorted(set(node["roles"])) for _, c in self.operable for node in c["nodes"]]
        both = sum("compute" in roles and bool({"cinder", "ceph-osd"} & set(roles)) for roles in nodes)
        combinations = Counter("+".join(roles) or "none" for roles in nodes)
        return combinations, Counter(role for roles in nodes for role in roles), both

    def _tasks(
        self, names: Iterable[str], span: tuple[date, date] | None
    ) -> Iterator[tuple[str, Document, int]]:
        for log in self.fleet.logs:
            uid, body = log["master_node_uid"], log["body"]
            known = self._release_of(uid) is not None
            if (known and not self._counts(uid)) or (not known and self.release is not None):
                continue
            ended = datetime.fromisoformat(body["end_timestamp"]).date()
            if body["action_name"] in names and (span is None or span[0] <= ended <= span[1]):
                yield uid, body, log["external_id"]

    def _attempts(self, span: tuple[date, date] | None) -> dict[tuple[str, int], list[tuple[Document, int]]]:
        by_environment: dict[tuple[str, int], list[tuple[Document, int]]] = defaultdict(list)
        for uid, body, number in self._tasks(("deploy", "deployment"), span):
            by_environment[uid, body["cluster_id"]].append((body, number))
        found = {}
        for key, tasks in by_environment.items():
            deploys = [t for t in tasks if t[0]["action_name"] == "deploy"]
            orphans = [t for t in tasks if t[0]["additional_info"]["parent_task_id"] is None]
            if deploys or orphans:
                found[key] = deploys or orphans
        return found

    def deployment_time(self, span: tuple[date, date] | None = None) -> dict[str, dict[str, Document]]:
        groups: dict[str, dict[str, list[float]]] = {"all": defaultdict(list), "release": defaultdict(list)}
        groups["mode"] = defaultdict(list)
        for (uid, cluster_id), tasks in self._attempts(span).items():
            cluster = self._cluster(uid, cluster_id)
            for body, _ in tasks:
                if body["additional_info"]["ended_with_status"] == "ready":
                    seconds = _seconds(body)
                    groups["all"][""].append(seconds)
                    groups["release"][cluster["release"]["version"] if cluster else UNKNOWN].append(seconds)
                    groups["mode"][cluster["mode"] if cluster else UNKNOWN].append(seconds)
        return {part: {value: _times(found) for value, found in by.items()} for part, by in groups.items()}

    def failures(self, span: tuple[date, date] | None = None) -> Document:
        first, every, never = [], [], 0
        for tasks in self._attempts(span).values():
            ordered = sorted(tasks, key=lambda task: (task[0]["end_timestamp"], task[1]))
            errors, series = 0, []
            for body, _ in ordered:
                if body["additional_info"]["ended_with_status"] == "error":
                    errors += 1
                else:
                    series.append(errors)
                    errors = 0
            first += series[:1]
            every += series
            never += not series
        return {
            "environments": len(first) + never,
            "never_succeeded": never,
            "average": sum(first) / len(first) if first else None,
            "average_every": sum(every) / len(every) if every else None,
            "failures": Counter(map(str, first)),
        }

    def network_verification(self, span: tuple[date, date] | None = None) -> Counter[str]:
        last: dict[tuple[str, int], tuple[str, int, str]] = {}
        for uid, body, number in self._tasks(("verify_networks",), span):
            status = body["additional_info"]["ended_with_status"]
            entry = (body["end_timestamp"], number, status)
            key = (uid, body["cluster_id"])
            last[key] = max(last.get(key, entry), entry)
        return Counter(
            last[uid, c["id"]][2] if (uid, c["id"]) in last else "never" for uid, c in self.clusters
        )

    def health_checks(self) -> dict[str, Counter[str]]:
        tests: dict[str, Counter[str]] = defaultdict(Counter)
        for run in self.fleet.runs:
            if self._counts(run["master_node_uid"]):
                for test in run["tests"]:
                    tests[test["id"]]["runs"] += 1
                    tests[test["id"]][test["status"]] += 1
        return tests

    def workload(self) -> dict[str, dict[str, int]]:
        """Walk the days one by one, as the day series of the files does."""
        records = sorted(self.fleet.workloads, key=lambda r: (r["created_date"], r["id"]))
        days: dict[str, dict[str, int]] = {}
        day = date.fromisoformat(records[0]["created_date"])
        while day <= self.today:
            held: dict[tuple[str, int, str], Document] = {}
            for record in records:
                if record["created_date"] <= day.isoformat() and self._counts(record["master_node_uid"]):
                    held[record["master_node_uid"], record["cluster_id"], record["resource_type"]] = record
            counts = dict.fromkeys(TYPES, 0)
            for (_, _, kind), record in held.items():
                counts[kind] += len(record["resource_data"]["current"])
            days[day.isoformat()] = counts
            day += timedelta(days=1)
        return days


def _folded(value: object) -> str:
    return (value.strip().casefold() if isinstance(value, str) else "") or UNKNOWN


def _seconds(body: Document) -> float:
    start, end = (
        datetime.fromisoformat(body[f"{name}_timestamp"]).replace(tzinfo=UTC) for name in ("start", "end")
    )
    return (end - start).total_seconds()


def _times(seconds: list[float]) -> Document:
    valid = sorted(s for s in seconds if 0 <= s <= 7 * 24 * 3600)
    found: Document = {"count": len(valid), "invalid": len(seconds) - len(valid)}
    if not valid:
        return found | dict.fromkeys(("mean", "median", "p90", "min", "max"))
    return found | {
        "mean": sum(valid) / len(valid),
        "median": median(valid),
        "p90": valid[ceil(0.9 * len(valid)) - 1],
        "min": valid[0],
        "max": valid[-1],
    }
