"""The flat ``info`` of a record, filled from the fields of a unified ping."""

from collections.abc import Mapping
from typing import Any

from telemetry_server.convert.payloads.parsed_payload import JsonObject

APPLICATION = {
    "appName": "name",
    "appUpdateChannel": "channel",
    "appVersion": "version",
    "appBuildID": "buildId",
    "arch": "architecture",
    "platformVersion": "platformVersion",
    "xpcomAbi": "xpcomAbi",
    "vendor": "vendor",
}

ENVIRONMENT = {
    "appID": "build.applicationId",
    "platformBuildID": "build.buildId",
    "cpucount": "system.cpu.count",
    "memsize": "system.memoryMB",
    "isWow64": "system.isWow64",
    "device": "system.device.model",
    "manufacturer": "system.device.manufacturer",
    "hardware": "system.device.hardware",
    "tablet": "system.device.isTablet",
    "locale": "settings.locale",
    "OS": "system.os.name",
    "version": "system.os.version",
    "kernel_version": "system.os.kernelVersion",
    "D2DEnabled": "system.gfx.D2DEnabled",
    "DWriteEnabled": "system.gfx.DWriteEnabled",
    "DWriteVersion": "system.gfx.DWriteVersion",
    "profileHDDModel": "system.hdd.profile.model",
    "profileHDDRevision": "system.hdd.profile.revision",
    "binHDDModel": "system.hdd.binary.model",
    "binHDDRevision": "system.hdd.binary.revision",
    "winHDDModel": "system.hdd.system.model",
    "winHDDRevision": "system.hdd.system.revision",
    "activeExperiment": "addons.activeExperiment.id",
    "activeExperimentBranch": "addons.activeExperiment.branch",
    "persona": "addons.theme.id",
}

ADAPTER = {
    "adapterDescription": "description",
    "adapterVendorID": "vendorID",
    "adapterDeviceID": "deviceID",
    "adapterSubsysID": "subsysID",
    "adapterRAM": "RAM",
    "adapterDriver": "driver",
    "adapterDriverVersion": "driverVersion",
    "adapterDriverDate": "driverDate",
}

ADAPTERS = "system.gfx.adapters"
TAKEN_PREFIX = "environment."


def find(source: Any, path: str) -> Any:
    """The value at the dotted *path* in *source*; None where a step is missing or not an object."""
    for step in path.split("."):
        if not isinstance(source, dict):
            return None
        source = source.get(step)
    return source


def info_of_application(application: JsonObject, doctype: str) -> JsonObject:
    """The ``info`` that every unified ping gets."""
    info: JsonObject = {"reason": doctype}
    _apply(APPLICATION, application, info)
    return info


def add_environment(info: JsonObject, environment: JsonObject) -> None:
    """Add the fields of the machine to *info*, the flat form of a session; existing fields stay."""
    _apply(ENVIRONMENT, environment, info)
    adapters = find(environment, ADAPTERS)
    if not isinstance(adapters, list):
        return
    for adapter, suffix in zip(adapters, ("", "2"), strict=False):
        if isinstance(adapter, dict):
            _apply({name + suffix: path for name, path in ADAPTER.items()}, adapter, info)
    if len(adapters) > 1 and isinstance(adapters[1], dict):
        _put(info, "isGPU2Active", bool(adapters[1].get("GPUActive")))


def _apply(paths: Mapping[str, str], source: Any, info: JsonObject) -> None:
    for name, path in paths.items():
        value = find(source, path)
        if value is not None:
            _put(info, name, value)


def _put(info: JsonObject, name: str, value: Any) -> None:
    info[TAKEN_PREFIX + name if name in info else name] = value
