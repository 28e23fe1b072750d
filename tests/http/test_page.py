"""The web page, as it is served."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.http.assets import _release
from pdfsmaller.http.languages import FOLDER, languages
from pdfsmaller.operations import on_page
from tests.aws_stack import Clock, Stack, made_stack


def test_the_page_and_its_parts(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for part in ("page.js", "page.css"):
        [path] = re.findall(rf'"(assets/[0-9a-f]+/{part})"', page.text)
        assert client.get(f"/{path}").status_code == 200


def test_its_parts_are_kept_for_good_under_the_name_of_what_is_in_them(client: FlaskClient) -> None:
    [path] = re.findall('"(assets/[0-9a-f]+/page.css)"', client.get("/").text)
    assert path in client.get("/docs").text
    kept = client.get(f"/{path}")
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    same = client.get(f"/{path}", headers={"If-None-Match": kept.headers["ETag"]})
    assert (same.status_code, same.headers["Cache-Control"]) == (304, kept.headers["Cache-Control"])
    for other in ("/assets/page.css", "/assets/00000000/page.css"):  # of another release, as it were
        assert client.get(other).headers["Cache-Control"] == "no-cache"
        assert client.get(other).data == kept.data
    assert client.get("/assets/00000000/unknown.js").status_code == 404


def test_another_release_has_another_name(tmp_path: Path) -> None:
    names = set[str]()
    for content in ("a", "b"):
        folder = tmp_path / content
        folder.mkdir()
        (folder / "page.css").write_text(content)
        names.add(_release(folder))
    assert len(names) == 2


def test_the_page_knows_no_path_of_its_own() -> None:
    """Below a path that a proxy has put it under, it asks there for everything."""
    for path in [*SCRIPTS, *(STATIC.parent / "templates").iterdir()]:
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"""["'`(]/(?:api|assets|files|openapi|docs)\b|href="/""", text), path.name


STATIC = FOLDER.parent
SCRIPTS = sorted(STATIC.glob("*.js"))
#: What a phone on a slow line may be made to load, in bytes, nothing packed.
MOST_BYTES = 120_000


def data(page: str, name: str) -> dict[str, Any]:
    """A block of data within the page."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def needed(*names: str) -> set[str]:
    """Modules, with all that these import from the beginning."""
    found: set[str] = set()
    ahead = set(names)
    while ahead:
        name = ahead.pop()
        found.add(name)
        text = (STATIC / name).read_text(encoding="utf-8")
        ahead |= set(re.findall(r'^import .*"\./([\w-]+\.js)";$', text, re.MULTILINE)) - found
    return found


@pytest.mark.parametrize("code", languages())
@pytest.mark.parametrize("tool", ["page", "compare", "merge", "split", "images"])
def test_what_a_tool_loads_is_little(client: FlaskClient, code: str, tool: str) -> None:
    board = ["board.js"] if tool in ("merge", "split", "images") else []
    own = {"compare.css"} if tool == "compare" else set()
    files = {"page.css", "icon.svg", *own, *needed("page.js", f"{tool}.js", *board)}
    page = client.get(f"/?lang={code}").data
    assert len(page) + sum((STATIC / name).stat().st_size for name in files) <= MOST_BYTES


def test_it_goes_over_the_line_packed(client: FlaskClient) -> None:
    for path in ("/", "/assets/page.css", "/assets/list.js"):
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert gzip.decompress(packed.data) == plain.data
        assert len(packed.data) == packed.content_length < len(plain.data) / 2
        assert "Content-Encoding" not in plain.headers
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_no_module_is_left_that_nobody_loads() -> None:
    named = {name for path in SCRIPTS for name in re.findall(r'"\./([\w-]+\.js)"', path.read_text(encoding="utf-8"))}
    assert {path.name for path in SCRIPTS} == named | {"page.js"}


def test_modules_that_are_needed_at_once_are_asked_for_at_once(client: FlaskClient) -> None:
    asked = re.findall(r'rel="modulepreload" href="assets/[0-9a-f]+/([\w-]+\.js)"', client.get("/").text)
    assert set(asked) == needed("page.js") - {"page.js"}


class TestLanguages:
    @pytest.mark.parametrize("code", languages())
    def test_each_has_all_words_and_no_other(self, code: str) -> None:
        assert {**languages()[code], "registry": {}}.keys() == {**languages()["en"], "registry": {}}.keys()

    @pytest.mark.parametrize("code", languages())
    def test_words_have_the_same_places_for_values(self, code: str) -> None:
        def places(text: str | dict[str, str]) -> set[str]:
            return set(re.findall(r"\{(\w+)\}", text if isinstance(text, str) else text["other"]))

        for key, english in languages()["en"].items():
            assert places(languages()[code][key]) == places(english), key

    @pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
    def test_each_has_words_for_what_operations_say_of_themselves(self, code: str) -> None:
        said = {text for spec in on_page() for text in (spec.label, spec.summary, spec.no_preset)}
        for spec in on_page():
            for name in spec.options.names():
                if (shown := spec.options.shown(name)).label:
                    said |= {shown.label, shown.placeholder, *shown.choices.values()}
        assert said - {""} - languages()[code]["registry"].keys() <= {"A4"}

    def test_scripts_say_only_what_there_are_words_for(self) -> None:
        for path in SCRIPTS:
            for key in re.findall(r'\bt\("([\w.-]+)"', path.read_text(encoding="utf-8")):
                assert key in languages()["en"], f"{path.name}: {key}"

    def test_the_browser_chooses_and_the_address_decides(self, client: FlaskClient) -> None:
        german = client.get("/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
        assert '<html lang="de">' in german.text
        assert "Accept-Language" in german.headers["Vary"]
        assert data(german.text, "service")["operations"][0]["label"] == "Verkleinern"
        assert '<html lang="en">' in client.get("/?lang=en", headers={"Accept-Language": "de"}).text
        assert '<html lang="en">' in client.get("/?lang=../../x", headers={"Accept-Language": "fr"}).text


def test_the_page_knows_the_limits_of_its_service(clock: Clock) -> None:
    with made_stack(clock, max_file_size=30_000_000, max_files=7, max_file_age_hours=1.5) as stack:
        text = create_app(stack.world).test_client().get("/").text
    known = data(text, "service")
    assert (known["max_file_size"], known["max_files"], known["asks_for_key"]) == (30_000_000, 7, False)
    assert "1.5 hours" in text


def test_the_page_asks_for_a_key_where_there_are_some(client: FlaskClient, clock: Clock) -> None:
    assert 'id="key"' not in client.get("/").text
    with made_stack(clock, api_keys_required=True) as stack:
        assert 'id="key"' in create_app(stack.world).test_client().get("/").text


def test_the_page_may_load_only_what_is_ours(client: FlaskClient, stack: Stack) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    store = stack.world.storage.public_origin
    assert rules.pop("connect-src") == f"'self' {store}"
    assert rules.pop("img-src") == f"'self' {store} blob:"
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
