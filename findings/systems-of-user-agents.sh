#!/usr/bin/env bash
# ua-parser 1.0.2, woothee 1.10.1, httpagentparser 1.9.9 and device_detector 6.5.1 (Python) read user agents of Firefox
# on systems other than Windows, macOS and Linux.
# Expected: the browser is Firefox, and the system and its version are those of the text, or the version is empty.
# Seen: woothee gives no version for any Firefox on Android, though it reads that of Chrome, an architecture as the
# version of FreeBSD, a version of Chrome OS that ends in that of Firefox, and that of Firefox as the one of Firefox OS.
# ua-parser takes Firefox on an Android headset for the browser "Android", and httpagentparser finds no system for
# FreeBSD, Firefox OS and KaiOS.  device_detector finds none for Firefox OS:
#   phone, ua_parser: Firefox Mobile, Android 14
#   phone, woothee: Firefox, Android
#   phone, httpagentparser: Firefox, Android 14
#   phone, device_detector: Firefox Mobile, Android 14
#   headset, ua_parser: Android, Android 12
#   headset, woothee: Firefox, Android
#   headset, httpagentparser: Firefox, Android 12
#   headset, device_detector: Firefox Reality, Android 12
#   Chrome OS, ua_parser: Firefox, Chrome OS 14541.0
#   Chrome OS, woothee: Firefox, ChromeOS x86_64 14541.0.0; rv:128.0
#   Chrome OS, httpagentparser: Firefox,  ChromeOS 14541.0.0
#   Chrome OS, device_detector: Firefox, Chrome OS 14541.0.0
#   FreeBSD, ua_parser: Firefox, FreeBSD
#   FreeBSD, woothee: Firefox, BSD amd64
#   FreeBSD, httpagentparser: Firefox, -
#   FreeBSD, device_detector: Firefox, FreeBSD
#   Firefox OS, ua_parser: Firefox Mobile, Firefox OS 1.2
#   Firefox OS, woothee: Firefox, Firefox OS 26.0
#   Firefox OS, httpagentparser: Firefox, -
#   Firefox OS, device_detector: Firefox Mobile, -
#   KaiOS, ua_parser: Firefox Mobile, KaiOS 2.5
#   KaiOS, woothee: Firefox, -
#   KaiOS, httpagentparser: Firefox, -
#   KaiOS, device_detector: Firefox Mobile, KaiOS 2.5.1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ua-parser==1.0.2 ua-parser-builtins==202610 woothee==1.10.1 \
  httpagentparser==1.9.9 device_detector==6.5.1
cd "$folder"
cat >seen.py <<'PYTHON'
import httpagentparser
import ua_parser
import woothee
from device_detector import DeviceDetector

SYSTEMS = {
    "phone": "Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0",
    "headset": "Android 12; Mobile VR; rv:121.0) Gecko/121.0 Firefox/121.0",
    "Chrome OS": "X11; CrOS x86_64 14541.0.0; rv:128.0) Gecko/20100101 Firefox/128.0",
    "FreeBSD": "X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Firefox OS": "Mobile; rv:26.0) Gecko/26.0 Firefox/26.0",
    "KaiOS": "Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.1",
}


def joined(*parts):
    return " ".join(part for part in parts if part and part != "UNKNOWN")


def by_ua_parser(agent):
    seen = ua_parser.parse(agent)
    return seen.user_agent.family, joined(seen.os.family, ".".join(filter(None, (seen.os.major, seen.os.minor))))


def by_woothee(agent):
    seen = woothee.parse(agent)
    return seen["name"], joined(seen["os"], seen["os_version"])


def by_httpagentparser(agent):
    seen = httpagentparser.detect(agent)
    return seen["browser"]["name"], joined(seen["platform"]["name"], seen["platform"]["version"])


def by_device_detector(agent):
    seen = DeviceDetector(agent).parse()
    return seen.client_name(), joined(seen.os_name(), seen.os_version())


for name, system in SYSTEMS.items():
    for parse in (by_ua_parser, by_woothee, by_httpagentparser, by_device_detector):
        browser, version = parse(f"Mozilla/5.0 ({system}")
        print(f"{name}, {parse.__name__[3:]}: {browser}, {version or '-'}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
phone, ua_parser: Firefox Mobile, Android 14
phone, woothee: Firefox, Android
phone, httpagentparser: Firefox, Android 14
phone, device_detector: Firefox Mobile, Android 14
headset, ua_parser: Android, Android 12
headset, woothee: Firefox, Android
headset, httpagentparser: Firefox, Android 12
headset, device_detector: Firefox Reality, Android 12
Chrome OS, ua_parser: Firefox, Chrome OS 14541.0
Chrome OS, woothee: Firefox, ChromeOS x86_64 14541.0.0; rv:128.0
Chrome OS, httpagentparser: Firefox,  ChromeOS 14541.0.0
Chrome OS, device_detector: Firefox, Chrome OS 14541.0.0
FreeBSD, ua_parser: Firefox, FreeBSD
FreeBSD, woothee: Firefox, BSD amd64
FreeBSD, httpagentparser: Firefox, -
FreeBSD, device_detector: Firefox, FreeBSD
Firefox OS, ua_parser: Firefox Mobile, Firefox OS 1.2
Firefox OS, woothee: Firefox, Firefox OS 26.0
Firefox OS, httpagentparser: Firefox, -
Firefox OS, device_detector: Firefox Mobile, -
KaiOS, ua_parser: Firefox Mobile, KaiOS 2.5
KaiOS, woothee: Firefox, -
KaiOS, httpagentparser: Firefox, -
KaiOS, device_detector: Firefox Mobile, KaiOS 2.5.1
EXPECTED
echo "as described"
