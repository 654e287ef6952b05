"""One worker per core, with threads, which keep-alive requires."""

import os

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = os.cpu_count()
worker_class = "gthread"
threads = 5
worker_connections = 1000
backlog = 2048
keepalive = 75
max_requests = 0
loglevel = "warning"
