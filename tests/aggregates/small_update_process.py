"""The process that updates aggregates, with a limit of memory that every update reaches."""

from telemetry_server.aggregates import update_process

update_process.MAX_KEPT_BYTES = 1
raise SystemExit(update_process.main())
