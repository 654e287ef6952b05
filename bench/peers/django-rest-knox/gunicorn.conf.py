"""One worker per core, with threads, which keep-alive requires."""

import os

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = len(os.sched_getaffinity(0))
worker_class = "gthread"
threads = 10
worker_connections = 1000
backlog = 2048
keepalive = 75
max_requests = 0
loglevel = "warning"
