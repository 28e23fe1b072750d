"""One answer of the API for each thing that clients read, made with the real engine: what ``recorded`` holds."""

from __future__ import annotations

import io
from typing import Any

from flask.testing import FlaskClient

from tests import documents, pictures
from tests.aws_stack import Stack
from tests.http.talk import work


def answers(client: FlaskClient, stack: Stack) -> dict[str, Any]:
    """The JSON bodies, by name."""
    found: dict[str, Any] = {}

    def post(route: str, files: dict[str, bytes], **fields: Any) -> Any:
        parts = [(io.BytesIO(data), name) for name, data in files.items()]
        return client.post(f"/api/{route}", data={"files": parts, **fields}).get_json(force=True)

    def job(begun: Any) -> Any:
        return client.get(f"/api/jobs/{begun['job_id']}").get_json()

    photo, text = documents.photo_jpeg(), documents.text(2)
    found["accepted"] = begun = post("compress", {"a.pdf": photo}, preset="ebook", dpi="100")
    work(stack)
    found["compressed"] = job(begun)
    begun = post("merge-pdf", {"a.pdf": text, "b.pdf": photo}, pages=["", "1"], optimize="false")
    work(stack)
    found["merged"] = job(begun)
    begun = post("image-to-pdf", {"a.png": pictures.saved(documents.photo(60, 40), "PNG")}, page_size="A4")
    work(stack)
    found["images"] = job(begun)
    begun = post("compress", {"c.pdf": documents.encrypted_user()})
    work(stack)
    found["failed"] = job(begun)
    begun = post("compress", {"d.pdf": photo})
    client.delete(f"/api/jobs/{begun['job_id']}")
    found["cancelled"] = job(begun)
    client.delete(f"/api/jobs/{found['compressed']['job_id']}")
    found["expired"] = job(found["compressed"])
    found["batch"] = post("compress", {"e.pdf": photo, "f.pdf": text})
    ask = {"operation": "merge", "options": {"outline": "none"}, "files": [{"name": "g.pdf", "size": 5}, {"size": 6}]}
    found["upload"] = client.post("/api/uploads", json=ask).get_json()
    found["uploaded"] = client.post(f"/api/jobs/{found['upload']['job']['job_id']}/uploaded").get_json()
    found["invalid_option"] = post("compress", {"h.pdf": photo}, dpi="5")
    found["not_found"] = client.get(f"/api/jobs/{'0' * 32}").get_json(force=True)
    return found
