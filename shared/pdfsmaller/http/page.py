"""The web page. Its fields are made from the operations' options: what has a label there (``Shown``) has a field."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from flask import Blueprint, Response, render_template, request
from jinja2.utils import htmlsafe_json_dumps

from pdfsmaller import __version__
from pdfsmaller.http import answers, assets
from pdfsmaller.http.languages import Words, chosen, languages
from pdfsmaller.operations import OperationSpec, on_page

blueprint = Blueprint("page", __name__)

Control = Literal["select", "password", "checkbox", "text"]

#: Modules that the page needs at once, in the order in which browsers should ask for them; tools load their own.
_MODULES = (
    "dom",
    "words",
    "service",
    "api",
    "items",
    "files",
    "follow",
    "upload",
    "work",
    "options",
    "report",
    "reserve",
    "share",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a select: what is sent, and what it is called."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class PageField:
    """One option of an operation on the page."""

    name: str
    label: str
    control: Control
    choices: tuple[Choice, ...] = ()
    chosen: str = ""
    placeholder: str = ""


@blueprint.get("/")
def index() -> Response:
    """The web page, in the language that is asked for."""
    words = Words(chosen(request.args.get("lang", ""), request.accept_languages))
    service = _service(words)
    page = render_template(
        "index.html",
        assets=assets.folder(),
        language=words.code,
        languages=[(code, own["language"]) for code, own in languages().items()],
        modules=[f"{name}.js" for name in (*_MODULES, "list")],
        service=service,
        t=words.say,
        service_json=_in_page(service),
        words_json=_in_page(words.of_page()),
    )
    return Response(page, headers={"Vary": "Accept-Language", "Content-Language": words.code})


def _in_page(data: Any) -> str:
    """As JSON that stands within HTML, in few bytes."""
    return htmlsafe_json_dumps(data, separators=(",", ":"), ensure_ascii=False)


def _service(words: Words) -> dict[str, Any]:
    """What the page's scripts know of this service."""
    settings = answers.settings()
    return {
        "version": __version__,
        "asks_for_key": settings.api_keys_required,
        "kept_hours": f"{settings.max_file_age_hours:g}",
        "max_file_size": settings.max_file_size,
        "max_request_size": settings.max_request_size,
        "max_files": settings.max_files,
        "operations": [_operation(spec, words) for spec in on_page()],
    }


def _operation(spec: OperationSpec, words: Words) -> dict[str, Any]:
    return {
        "name": spec.name,
        "label": words.translated(spec.label),
        "title": words.maybe(f"title.{spec.name}", words.translated(spec.label)),
        "lead": words.maybe(f"lead.{spec.name}", words.translated(spec.summary)),
        "accept": spec.inputs.accept,
        "each_alone": spec.each_alone,
        "several_results": spec.several_results,
        "preset": spec.preset,
        "estimates": "dry_run" in spec.options.names(),
        "fields": [
            {name: value for name, value in asdict(field).items() if value} for field in page_fields(spec, words)
        ],
    }


def page_fields(operation: OperationSpec, words: Words) -> list[PageField]:
    """An operation's fields, in the order of its options."""
    shown = operation.options.shown
    return [_field(operation, name, words) for name in operation.options.names() if shown(name).label]


def _field(operation: OperationSpec, name: str, words: Words) -> PageField:
    options = operation.options
    shown, default = options.shown(name), options.default(name)
    choices = list(shown.choices.items())
    if name == "preset" and operation.no_preset:
        choices.insert(0, ("", operation.no_preset))
    return PageField(
        name=name,
        label=words.translated(shown.label),
        control=_control(operation, name),
        choices=tuple(Choice(value, words.translated(text)) for value, text in choices),
        chosen="" if default is None else str(default),
        placeholder=words.translated(shown.placeholder),
    )


def _control(operation: OperationSpec, name: str) -> Control:
    options = operation.options
    if options.shown(name).choices:
        return "select"
    if options.is_secret(name):
        return "password"
    return "checkbox" if options.is_flag(name) else "text"
