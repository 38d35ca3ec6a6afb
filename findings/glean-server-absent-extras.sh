#!/usr/bin/env bash
# glean_parser 22.0.1 writes code for servers in Python and JavaScript, which records an event of three optional extras.
# Expected: an extra that is not given is left out of the event, as the parameters of the Python code are None by
# default and the Glean SDK and Glean.js leave it out.
# Seen: Python sends the texts "None" and "none", JavaScript "undefined" or "null", also for a number and a boolean.
# The code for Python tests for None, but after it has made a text of it:
#   Python: {"language":"de","seconds":"2","is_new":"true"}
#   Python: {"language":"de","seconds":"None","is_new":"none"}
#   Python: {"language":"None","seconds":"None","is_new":"none"}
#   JavaScript: {"language":"de","seconds":"2","is_new":"true"}
#   JavaScript: {"language":"de","seconds":"undefined","is_new":"undefined"}
#   JavaScript: {"language":"null","seconds":"undefined","is_new":"undefined"}
# The logger and the identifiers of the code for JavaScript are replaced by stand-ins.  Needs Node.js 18 or newer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet glean_parser==22.0.1
cd "$folder"
cat >metrics.yaml <<'YAML'
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
page:
  opened:
    type: event
    description: A page was opened.
    bugs: [https://bugzilla.mozilla.org/1]
    data_reviews: [https://bugzilla.mozilla.org/1]
    notification_emails: [nobody@example.com]
    expires: never
    extra_keys:
      language: {type: string, description: The language of the page.}
      seconds: {type: quantity, description: How long it took.}
      is_new: {type: boolean, description: Whether it is new.}
YAML
for language in python javascript; do
  venv/bin/glean_parser translate --format "${language}_server" --output "$language" metrics.yaml >/dev/null 2>&1
done
cat >seen.py <<'PYTHON'
import json

from python.server_events import create_events_server_event_logger

logger = create_events_server_event_logger("shop", "1.0", "release")
logger.emit_record = lambda now, ping: print(
    "Python:", json.dumps(json.loads(ping["payload"])["events"][0]["extra"], separators=(",", ":"))
)
logger.record_page_opened(language="de", seconds=2, is_new=True)
logger.record_page_opened(language="de")
logger.record_page_opened()
PYTHON
mkdir -p node_modules/uuid node_modules/mozlog
echo 'exports.v4 = () => "00000000-0000-4000-8000-000000000000";' >node_modules/uuid/index.js
cat >node_modules/mozlog/index.js <<'JAVASCRIPT'
const info = (type, ping) => console.log("JavaScript:", JSON.stringify(JSON.parse(ping.payload).events[0].extra));
module.exports = () => () => ({ info });
JAVASCRIPT
cp javascript/server_events.js seen.mjs
cat >>seen.mjs <<'JAVASCRIPT'
const logger = createEventsServerEventLogger({ applicationId: "shop", logger_options: {} });
logger.recordPageOpened({ language: "de", seconds: 2, is_new: true });
logger.recordPageOpened({ language: "de" });
logger.recordPageOpened({ language: null });
JAVASCRIPT
venv/bin/python seen.py | tee seen.txt
node seen.mjs | tee -a seen.txt
diff seen.txt - <<'EXPECTED'
Python: {"language":"de","seconds":"2","is_new":"true"}
Python: {"language":"de","seconds":"None","is_new":"none"}
Python: {"language":"None","seconds":"None","is_new":"none"}
JavaScript: {"language":"de","seconds":"2","is_new":"true"}
JavaScript: {"language":"de","seconds":"undefined","is_new":"undefined"}
JavaScript: {"language":"null","seconds":"undefined","is_new":"undefined"}
EXPECTED
echo "as described"
