"""
Records the operations of a product for Fuel-stat.

```python
recorder = Recorder("/var/lib/product/statistics.sqlite")
app = RecordedWsgi(app, recorder)  # or RecordedAsgi, or aiohttp_middleware

with recorder.task("deploy", cluster_id=3):
    deploy()
```
"""

from telemetry_server.fuel.recorder.fuel_routes import FUEL_ROUTES, RecordedRoute
from telemetry_server.fuel.recorder.middleware import RecordedAsgi, RecordedWsgi, aiohttp_middleware
from telemetry_server.fuel.recorder.recorder import Recorder, Task
from telemetry_server.fuel.recorder.workload import WorkloadRecorder

__all__ = [
    "FUEL_ROUTES",
    "RecordedAsgi",
    "RecordedRoute",
    "RecordedWsgi",
    "Recorder",
    "Task",
    "WorkloadRecorder",
    "aiohttp_middleware",
]
