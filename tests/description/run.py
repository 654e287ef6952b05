"""Compares a server with its description, once with each kind of credential."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CREDENTIALS = ("admin", "member", "agent-run")
QUOTAS = [
    argument
    for name in ("token-quota", "token-rate", "run-quota", "run-rate")
    for argument in (f"--{name}", "5000")
]


def main():
    options = parse()
    # In parallel, in separate processes: the generators of schemathesis are not safe in threads.
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda name: compare(name, options), options.credentials)
        failed = []
        for name, (is_same, output) in zip(options.credentials, results):
            print(f"\n=== schemathesis: {name}, seed {options.seed}\n{output}", flush=True)
            if not is_same:
                failed.append(name)
    if failed:
        sys.exit(f"schemathesis: the server and its description differ: {', '.join(failed)}")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/description test", description=__doc__)
    parser.add_argument("--server", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--max-examples", type=int, default=50, metavar="N",
                        help="how many requests each operation gets in each phase [default: 50]")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="repeats the same requests [default: 1]")
    parser.add_argument("--max-seconds", type=int, default=900, metavar="N",
                        help="how long each credential may take [default: 900]")
    parser.add_argument("credentials", nargs="*", metavar="CREDENTIAL", default=CREDENTIALS,
                        help=f"one of {', '.join(CREDENTIALS)} [default: each]")
    return parser.parse_args()


def compare(credential, options):
    with tempfile.TemporaryDirectory() as folder, serve(options.server, folder) as (url, admin):
        token, issuer, protected = prepare(url, admin, credential)
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file", str(HERE / "schemathesis.toml"),
            "run", f"{url}/openapi.json",
            "--max-examples", str(options.max_examples),
            "--seed", str(options.seed),
            "--generation-database", "none",
        ]
        environment = {
            **os.environ,
            "HYPOTHESIS_STORAGE_DIRECTORY": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENINDEX_TESTED_TOKEN": token,
            "OPENINDEX_TESTED_URL": url,
            "OPENINDEX_ISSUER": issuer,
            "OPENINDEX_PROTECTED": " ".join(protected),
        }
        try:
            result = subprocess.run(
                command, cwd=HERE, env=environment, timeout=options.max_seconds, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
        except subprocess.TimeoutExpired:
            return False, f"not done after {options.max_seconds} seconds"
        return result.returncode == 0, result.stdout


@contextmanager
def serve(server, folder):
    """Runs a server on a new database; yields its URL and the token of its first administrator."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite://{folder}/openindex.db"}
    made = subprocess.run(
        [server, "bootstrap", "--email", "ada@example.com", "--name", "Ada", "--json"],
        env=environment, check=True, stdout=subprocess.PIPE,
    )
    # Exceeded quotas are conflicts, and one of them proves as much as a thousand.
    process = subprocess.Popen(
        [server, "--listen", "127.0.0.1:0", "--log-format", "json", *QUOTAS],
        env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )
    try:
        with open(f"{folder}/log", "w") as log:
            url = next(filter(None, map(listening, process.stderr)), None)
            if url is None:
                sys.exit("the server did not start")
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
            yield url, json.loads(made.stdout)
    finally:
        process.terminate()
        process.wait()
        drain.wait()


def listening(line):
    return json.loads(line).get("url")


def prepare(url, admin, credential):
    """Creates test data. Returns a token, one that can create more of its kind, and what must
    outlive the run."""
    def post(path, body, token=None):
        request = urllib.request.Request(url + path, json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    first = admin["token"]
    invite = post("/admin/invites", {"email": "grace@example.com"}, first)
    claim = {"code": invite["code"], "name": "Grace", "tokenName": "first"}
    member = post("/auth/invites/claim", claim)
    project = post("/browse", {"domain": "OPS", "kind": "project", "title": "Project"}, first)
    post("/browse", {"domain": "OPS", "title": "Task"}, first)
    run = {"agentId": "tester", "ttlSeconds": 86_400}
    run = post("/agent-runs", run, member["token"])
    token, issuer, owner, ids = {
        "admin": (first, first, admin["user"], [admin["pat"]["id"]]),
        "member": (member["token"], member["token"], member["user"], [member["pat"]["id"]]),
        "agent-run": (
            run["token"], member["token"], member["user"], [run["id"], member["pat"]["id"]],
        ),
    }[credential]
    return token, issuer, [*ids, owner["id"], project["key"]]


if __name__ == "__main__":
    main()
