"""What a schema cannot say: which requests would end the run itself, and which values must exist."""

import os
import re
from datetime import datetime, timezone

import schemathesis

# What the run stands on: its own token, that token's owner, and a project that items belong to.
PROTECTED = set(os.environ["OPENINDEX_PROTECTED"].split())
PARENT = "OPS-1"
UNKNOWN = "0" * 32
DATE = re.compile(r"^\d{4}")


@schemathesis.hook
def before_call(context, case, kwargs):
    spare(case)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        exist(case)


def spare(case):
    """Changes to what the run stands on go to something that is not there."""
    if case.method.upper() == "GET" or not case.path_parameters:
        return
    for name, value in case.path_parameters.items():
        if value in PROTECTED:
            prefix = str(value).split("_")[0]
            case.path_parameters[name] = "OPS-999999" if name == "key" else f"{prefix}_{UNKNOWN}"


def exist(case):
    """References name something that exists, and expiries lie in the future."""
    body = case.body
    if not isinstance(body, dict):
        return
    if isinstance(body.get("assignee"), str):
        body["assignee"] = "me"
    if isinstance(body.get("parent"), str):
        body["parent"] = PARENT
    if isinstance(body.get("workItemKey"), str):
        body["workItemKey"] = PARENT
    expires = body.get("expiresAt")
    if isinstance(expires, str) and DATE.match(expires):
        if int(expires[:4]) <= datetime.now(timezone.utc).year + 1:
            body["expiresAt"] = "2999" + expires[4:]
