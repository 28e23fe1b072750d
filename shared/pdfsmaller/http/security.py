"""What browsers are told to be careful with (OWASP's secure headers). A proxy before us may see to it instead."""

from __future__ import annotations

from flask import Flask, Response, request

from pdfsmaller.settings import Settings

_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
#: Nothing of ours needs any of these.
_DENIED = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _DENIED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_OF_NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def install(app: Flask, settings: Settings, store: str) -> None:
    """Have ``app`` send them, unless SECURITY_HEADERS_ENABLED is false.

    Args:
        store: where forms and downloads lead to; empty where that is this service itself.
    """
    if not settings.security_headers_enabled:
        return
    ours = " ".join(filter(None, ("'self'", store)))
    of_pages = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {ours} blob:; "
        f"connect-src {ours}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    # Pictures of previews may be shown by the pages that may call us.
    resources = "cross-origin" if settings.allowed_origins else "same-origin"

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(_ALWAYS)
        response.headers["Cross-Origin-Resource-Policy"] = resources
        is_page = response.mimetype == "text/html"
        response.headers["Content-Security-Policy"] = of_pages if is_page else _OF_NO_PAGE
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
        return response
