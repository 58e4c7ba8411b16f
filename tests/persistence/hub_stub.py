"""A hub on this computer: the few addresses that huggingface_hub asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubStub(ThreadingHTTPServer):
    """A hub of one repository; `commits` holds its files by the hash of the commit."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repository = "me/stager"
        self.exists = False
        self.private = None
        self.commits = {}
        self.refs = {"tags": {}, "branches": {}}
        self.requests = []
        self.size = None  # that it says a file has

    def commit(self, files):
        """Add a commit to the main branch, and return its hash."""
        content = b"".join(name.encode() + data for name, data in files.items())
        number = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self.commits[number] = files
        self.refs["branches"]["main"] = number
        self.exists = True
        return number

    def resolve(self, revision):
        """Hash of the commit of a revision, or None."""
        named = {**self.refs["branches"], **self.refs["tags"]}
        return revision if revision in self.commits else named.get(revision)


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._get()

    def do_GET(self):
        self._get()

    def _get(self):
        hub = self.server
        hub.requests.append(f"{self.command} {self.path}")
        if self.path == f"/api/models/{hub.repository}/refs" and hub.exists:
            refs = {
                kind: [
                    {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
                    for name, commit in named.items()
                ]
                for kind, named in hub.refs.items()
            }
            self._send(refs | {"converts": []})
            return
        found = re.fullmatch(rf"/{hub.repository}/resolve/([^/]+)/([^?]+)", self.path)
        if found is None or not hub.exists:
            self._refuse("RepoNotFound")
            return
        commit = hub.resolve(found[1])
        if commit is None:
            self._refuse("RevisionNotFound")
        elif found[2] not in hub.commits[commit]:
            self._refuse("EntryNotFound")
        else:
            self._send_file(hub.commits[commit][found[2]], commit)

    def _send_file(self, content, commit):
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(self.server.size or len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_POST(self):
        hub = self.server
        hub.requests.append(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        lines = [json.loads(line) for line in self.rfile.read(length).splitlines()]
        if self.headers.get("Authorization") != "Bearer hf_right":
            self.send_response(401)
            self.send_header("X-Error-Message", "Invalid token")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/api/repos/create":
            old = lines[0].get("private")  # of huggingface_hub 1.0
            hub.private = lines[0].get("visibility") == "private" or bool(old)
            self._send({"url": f"https://huggingface.co/{hub.repository}"})
        elif self.path == "/api/validate-yaml":
            self._send({"errors": [], "warnings": []})
        elif self.path == f"/api/models/{hub.repository}/preupload/main":
            names = [file["path"] for file in lines[0]["files"]]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            self._send({"files": [{"path": name} | modes for name in names]})
        else:
            assert self.path == f"/api/models/{hub.repository}/commit/main"
            values = [line["value"] for line in lines if line["key"] == "file"]
            number = hub.commit(
                {v["path"]: base64.b64decode(v["content"]) for v in values}
            )
            where = f"https://huggingface.co/{hub.repository}/commit/{number}"
            self._send({"commitUrl": where, "commitOid": number})

    def _send(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, code):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", "no such thing")
        self.send_header("Content-Length", "0")
        self.end_headers()
