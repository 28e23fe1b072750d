from __future__ import annotations

from pdfsmaller.jobs.keys import drop_result_key, error_key, input_key, job_of_input

JOB = "0123456789abcdef0123456789abcdef"


def test_only_our_own_input_keys_name_a_job() -> None:
    assert job_of_input(input_key(JOB, 12)) == JOB
    for key in (
        f"jobs/{JOB}/out.pdf",
        f"jobs/{JOB}/in/",
        "jobs/../in/0",
        f"inbox/jobs/{JOB}/in/0",
        f"jobs/{JOB}/in/0/x",
    ):
        assert job_of_input(key) is None


def test_what_is_laid_beside_a_drop_has_a_key_of_its_own_however_long_the_drops_is() -> None:
    assert error_key("inbox/a/b.pdf") == "errors/a/b.pdf.json"
    assert drop_result_key("inbox/a.jpg", ".pdf") == "inbox/a.jpg.pdf"
    longest = ["inbox/" + "日" * 339 + ending for ending in ("0", "1")]  # of 1,024 bytes
    for made in (error_key, lambda key: drop_result_key(key, ".pdf")):
        keys = [made(key) for key in longest]
        assert len(set(keys)) == 2
        assert max(len(key.encode()) for key in keys) <= 1_024
