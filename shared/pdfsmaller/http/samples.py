"""How each endpoint is called with curl: what the description carries as ``x-codeSamples`` (a usual extension) and the
page of documentation shows. ``tests/http/test_samples.py`` runs them all, in this order.

``$JOB`` and ``$BATCH`` are the ids of a job and a batch of one's own, ``$KEY`` is an API key.
"""

from __future__ import annotations

from typing import Any

#: By operationId; ``{url}`` is the service's address.
SAMPLES = {
    "compress": "curl -L -F files=@report.pdf -F preset=ebook {url}/api/compress --output smaller.pdf",
    "mergePdf": "curl -L -F files=@first.pdf -F files=@second.pdf {url}/api/merge-pdf --output both.pdf",
    "splitPdf": "curl -L -F files=@report.pdf -F every=1 {url}/api/split-pdf --output parts.zip",
    "imageToPdf": "curl -L -F files=@photo.jpg {url}/api/image-to-pdf --output photo.pdf",
    "previewPdf": "curl -L -F files=@report.pdf -F pages=1 {url}/api/preview-pdf --output page.webp",
    "reserveUpload": (
        'curl --json \'{{"operation": "compress", "files": [{{"name": "report.pdf", "size": 52000}}]}}\' '
        "{url}/api/uploads"
    ),
    "getUpload": "curl {url}/api/jobs/$JOB/uploads/0",
    "completeUpload": "curl -X POST {url}/api/jobs/$JOB/uploads/0/complete",
    "getJob": "curl -H 'Prefer: wait=30' {url}/api/jobs/$JOB",
    "confirmUpload": "curl -X POST {url}/api/jobs/$JOB/uploaded",
    "download": "curl -L {url}/api/jobs/$JOB/download --output smaller.pdf",
    "getResult": "curl -L {url}/api/jobs/$JOB/results/0 --output smaller.pdf",
    "again": 'curl -L --json \'{{"options": {{"preset": "screen"}}}}\' {url}/api/jobs/$JOB/again --output smallest.pdf',
    "followJob": "curl -N {url}/api/jobs/$JOB/events",
    "followBatch": "curl -N {url}/api/batches/$BATCH/events",
    "cancelJob": "curl -X POST {url}/api/jobs/$JOB/cancel",
    "retry": "curl -X POST {url}/api/jobs/$JOB/retry",
    "listJobs": 'curl -H "X-Api-Key: $KEY" {url}/api/jobs?limit=20',
    "getReport": "curl {url}/api/jobs/$JOB/report",
    "getBatch": "curl {url}/api/batches/$BATCH",
    "archiveBatch": "curl -L -X POST {url}/api/batches/$BATCH/archive --output all.zip",
    "archiveJobs": "curl -L --json '{{\"jobs\": [\"'$JOB'\"]}}' {url}/api/archives --output all.zip",
    "health": "curl {url}/api/health",
    "deleteJob": "curl -X DELETE {url}/api/jobs/$JOB",
}


def add_samples(paths: dict[str, Any], base_url: str) -> None:
    """Give each endpoint of a description its sample. ``base_url`` is empty where only the caller knows it."""
    url = base_url or "http://localhost:8080"
    for methods in paths.values():
        for what in methods.values():
            if sample := SAMPLES.get(what["operationId"]):
                what["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": sample.format(url=url)}]
