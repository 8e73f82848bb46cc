"""The API that validators measure, in sixty lines: a front server before an engine of your own.

It answers GET /health and POST /v1/chat/completions on PORT and hands every request to the engine
at UPSTREAM, event by event. Replace `answer` by what makes yours faster. Standard library alone.
"""

import http.client
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UPSTREAM = urlsplit(os.environ.get("UPSTREAM", "http://127.0.0.1:8001"))


def engine(method, path, body=None):
    connection = http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=120)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    return connection.getresponse()


def answer(body):
    """A status, and the lines of one answer ("data: {...}"), each as soon as its token is there."""
    response = engine("POST", "/v1/chat/completions", body)
    return response.status, response


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one warm connection for all prompts of a run

    def do_GET(self):
        healthy = False
        if self.path == "/health":
            try:
                healthy = engine("GET", "/health").status == 200
            except OSError:
                pass  # the engine is still loading: not yet
        self.send_response(200 if healthy else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, lines = answer(body) if self.path == "/v1/chat/completions" else (404, [])
        self.send_response(status)  # an error of the engine must not look like an answer
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
