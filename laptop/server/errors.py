"""Why a request cannot be honoured. The app answers with the message and the HTTP status."""


class BadRequest(ValueError):
    """A request that cannot be honoured (HTTP 400). The message says why."""


class NotFound(BadRequest):
    """A name or an id that stands for nothing here (HTTP 404)."""
