#!/usr/bin/env bash
# user-agents 2.2.0 (Python, upon ua-parser 1.0.2), ua-parser-js 1.0.41 and bowser 2.15.1 (npm) read user agents of
# Firefox.
# Expected: one browser, one version and one kind of device from all three, as each has the words for them.
# Seen: user-agents takes Firefox on an Android tablet for a phone, though ua-parser below it says "Generic Tablet", and
# counts Nightly as a browser of its own; a version of Firefox for iOS with three numbers gets an empty one; and Firefox on
# an iPad that asks for the desktop's page is Safari on a Mac, or Firefox on a Mac, or Firefox on a tablet.  So shares of
# tablets and browsers depend on the library:
#   user agent                 user-agents                        ua-parser-js                bowser
#   Android; Mobile            Firefox Mobile 128.0, phone        Firefox 128.0, phone        Firefox 128.0, phone
#   Android; Tablet            Firefox Mobile 128.0, phone        Firefox 128.0, tablet       Firefox 128.0, tablet
#   iPad, FxiOS/128.0          Firefox iOS 128.0, tablet          Firefox 128.0, tablet       Firefox 128.0, tablet
#   iPad, desktop's page       Safari, computer                   Firefox 128, computer       Firefox 128, tablet
#   iPhone, FxiOS/128.1.2      Firefox iOS 128.1..2, phone        Firefox 128.1.2, phone      Firefox 128.1.2, phone
#   Linux, Firefox/130.0a1     Firefox Alpha 130.0.a1, computer   Firefox 130.0a1, computer   Firefox 130.0, computer
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet user-agents==2.2.0 ua-parser==1.0.2 ua-parser-builtins==202610
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ua-parser-js@1.0.41 bowser@2.15.1 >/dev/null
cat > parse.cjs <<'JAVASCRIPT'
const { UAParser } = require("ua-parser-js");
const Bowser = require("bowser");
const parsed = JSON.parse(require("fs").readFileSync(0)).map((text) => {
  const { browser, device } = new UAParser(text).getResult();
  const other = Bowser.parse(text);
  return [
    [browser.name, browser.version, device.type ?? "desktop"],
    [other.browser.name, other.browser.version, other.platform.type],
  ];
});
console.log(JSON.stringify(parsed));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import ua_parser
import user_agents

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
KINDS = {"mobile": "phone", "tablet": "tablet", "desktop": "computer"}
# What it is, the user agent, and what the three libraries say.
CASES = [
    (
        "Android; Mobile",
        "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0",
        ["Firefox Mobile 128.0, phone", "Firefox 128.0, phone", "Firefox 128.0, phone"],
    ),
    (
        "Android; Tablet",
        "Mozilla/5.0 (Android 14; Tablet; rv:128.0) Gecko/128.0 Firefox/128.0",
        ["Firefox Mobile 128.0, phone", "Firefox 128.0, tablet", "Firefox 128.0, tablet"],
    ),
    (
        "iPad, FxiOS/128.0",
        f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {WEBKIT} FxiOS/128.0 Mobile/15E148 Safari/605.1.15",
        ["Firefox iOS 128.0, tablet", "Firefox 128.0, tablet", "Firefox 128.0, tablet"],
    ),
    (
        "iPad, desktop's page",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) {WEBKIT} FxiOS/128 Safari/605.1.15",
        ["Safari, computer", "Firefox 128, computer", "Firefox 128, tablet"],
    ),
    (
        "iPhone, FxiOS/128.1.2",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} FxiOS/128.1.2 Mobile/15E148 Safari/605.1.15",
        ["Firefox iOS 128.1..2, phone", "Firefox 128.1.2, phone", "Firefox 128.1.2, phone"],
    ),
    (
        "Linux, Firefox/130.0a1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0a1",
        ["Firefox Alpha 130.0.a1, computer", "Firefox 130.0a1, computer", "Firefox 130.0, computer"],
    ),
]


def text(name, version, kind):
    return f"{name} {version}".rstrip() + f", {KINDS[kind]}"


def by_python(user_agent):
    parsed = user_agents.parse(user_agent)
    kind = "tablet" if parsed.is_tablet else "mobile" if parsed.is_mobile else "desktop"
    return text(parsed.browser.family, parsed.browser.version_string, kind)


asked = json.dumps([user_agent for _, user_agent, _ in CASES])
node = subprocess.run(["node", "parse.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
print(f"{'user agent':<26} {'user-agents':<34} {'ua-parser-js':<27} bowser")
for (name, user_agent, wanted), parsed in zip(CASES, json.loads(node.stdout), strict=True):
    seen = [by_python(user_agent), *(text(*values) for values in parsed)]
    print(f"{name:<26} {seen[0]:<34} {seen[1]:<27} {seen[2]}")
    assert seen == wanted, seen
assert ua_parser.parse(CASES[1][1]).device.family == "Generic Tablet"
PYTHON
echo "as described"
