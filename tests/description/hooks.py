"""What a schema cannot express: which requests would end the run itself, which values must exist,
and which characters are visible."""

import json
import os
import re
import unicodedata
import urllib.request
import zlib
from datetime import datetime, timezone

import schemathesis

# What the run depends on: its own token, that token's owner, and a project that items belong to.
PROTECTED = set(os.environ["OPENINDEX_PROTECTED"].split())
TESTED = os.environ["OPENINDEX_TESTED_TOKEN"]
PARENT = "OPS-1"
UNKNOWN = "0" * 32
# Items that a run has created or will create. A generated key names none of them.
KEYS = [f"OPS-{number}" for number in range(1, 8)]
# Besides format controls: what renders as nothing (Default_Ignorable_Code_Point) or as a blank.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)


@schemathesis.hook
def before_call(context, case, kwargs):
    spare(case)
    substitute(case)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        exist(case)


def spare(case):
    """Redirects changes of what the run depends on to something that does not exist."""
    if case.method.upper() == "GET" or not case.path_parameters:
        return
    for name, value in case.path_parameters.items():
        if value in PROTECTED:
            prefix = str(value).split("_")[0]
            case.path_parameters[name] = "OPS-999999" if name == "key" else f"{prefix}_{UNKNOWN}"


def substitute(case):
    """Presents a new token of the same kind where the presented one would be ended or rotated."""
    headers = case.headers
    own = headers is not None and headers.get("Authorization") == f"Bearer {TESTED}"
    if case.method.upper() == "GET" or not case.path.startswith("/me/token") or not own:
        return
    path, body = "/me/pats", {"name": "substitute", "scope": "read_write"}
    if TESTED.startswith("oi_run_"):
        path, body = "/agent-runs", {"agentId": "substitute", "ttlSeconds": 600}
    url, issuer = os.environ["OPENINDEX_TESTED_URL"], os.environ["OPENINDEX_ISSUER"]
    request = urllib.request.Request(url + path, json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {issuer}")
    with urllib.request.urlopen(request) as response:
        headers["Authorization"] = f"Bearer {json.load(response)['token']}"


def exist(case):
    """Makes references name existing things, cursors come from pages, and times be valid."""
    drawn = str((case.path_parameters or {}).get("key", ""))
    if zlib.crc32(drawn.encode()) % 2:
        case.path_parameters["key"] = KEYS[zlib.crc32(drawn.encode()) % len(KEYS)]
    query = case.query or {}
    query.pop("cursor", None)
    for name in ("since", "until", "unusedSince", "expiringBefore"):
        possible(query, name)
    for name in ("name", "search"):
        visible(query, name)
    body = case.body
    if not isinstance(body, dict):
        return
    for name, value in (("assignee", "me"), ("parent", PARENT), ("workItemKey", PARENT)):
        if isinstance(body.get(name), str):
            body[name] = value
    for name in ("unusedSince", "expiringBefore"):
        possible(body, name)
    possible(body, "expiresAt", since=datetime.now(timezone.utc).year + 2)
    for name in ("name", "tokenName", "title", "description"):
        visible(body, name)
    if isinstance(body.get("email"), str):
        kept = re.sub("[^A-Za-z0-9]", "", body["email"])[:40]
        body["email"] = f"{kept or 'ada'}@example.com"
    if "code" in body and "email" in body:
        # It would have to be the invited address.
        body["email"] = None
    if isinstance(body.get("password"), str):
        # Hard to guess, whatever was generated.
        body["password"] = ("purple tractor lends 41 hats " + body["password"])[:256]
    if isinstance(body.get("expiresIn"), (int, float)):
        # Up to the year 9999, whatever the current time.
        body["expiresIn"] = min(body["expiresIn"], 250_000_000_000)


def visible(values, name):
    """Replaces each character that is invisible, unassigned or for private use with a letter."""
    value = values.get(name)
    if isinstance(value, str):
        value = "".join("x" if unicodedata.category(c) in ("Cf", "Cn", "Co") else c for c in value)
        values[name] = INVISIBLE.sub("x", value)


def possible(values, name, since=1971):
    """Moves a date or a date-time into the years that the server supports."""
    value = values.get(name)
    if isinstance(value, str) and re.match(r"\d{4}-", value):
        year = int(value[:4])
        if not since <= year < 9999:
            # A leap year, so that every date of another one exists in it.
            values[name] = "2992" + value[4:]
