"""The application: HTTP on the one side, a `Service` on the other.

Bodies are read by request_body and documented in openapi.json, since a limit has to hold while a body is read. The page
is mounted at / where its package, Gradio, is installed.
"""

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Coroutine

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from strata.serving import documentation, request_body
from strata.serving.access import Access
from strata.serving.log import Log
from strata.serving.page_limits import PageLimits
from strata.serving.prometheus import Metrics
from strata.serving.refused import Refused
from strata.serving.request_body import Gone
from strata.serving.request_log import RequestLog
from strata.serving.service import Service

GONE = 499  # the status of a request whose client has gone, in metrics and log; nobody receives it
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
POINTER = (
    "Strata serves a model here: POST /predict and /explain, see /openapi.json. "
    "A page needs: pip install '.[serve,page]'\n"
)


def create_app(service: Service, key: str | None = None, log: Log | None = None, page: bool = True) -> FastAPI:
    """Return the application. key: that clients have to send; None: none. log: of requests and of what breaks.

    page: whether it is at /, where its package is installed.
    """
    # without the pages of FastAPI, which load scripts from elsewhere
    app = FastAPI(title="Strata", redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.service, app.state.metrics = service, Metrics(service)
    app.openapi = lambda: documentation.openapi(service, bool(key))
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Gone, _gone)
    _add_state(app, service, app.state.metrics)
    _add_models(app, service)
    _refuse_other_methods(app)
    app.add_middleware(PageLimits, limits=service.limits)
    app.add_middleware(Access, key=key)
    app.add_middleware(RequestLog, metrics=app.state.metrics, log=log)
    if page and importlib.util.find_spec("gradio") and importlib.util.find_spec("strata.serving.page"):
        from strata.serving.page import mount

        mount(app, service)
        next(route.app for route in app.routes if isinstance(route, Mount)).add_exception_handler(404, _http_error)
    else:
        app.get("/", include_in_schema=False)(_pointer)
    return app


def _add_state(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Add what tells how the server is: /health, /ready, /metrics."""

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> Response:
        return JSONResponse({"status": "alive"})

    @app.api_route("/ready", methods=["GET", "HEAD"])
    async def ready() -> Response:
        if service.ending:
            raise Refused(503, "the server is ending", 1)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics")
    async def measured() -> Response:
        return Response(metrics.text(), media_type=metrics.media_type)


def _add_models(app: FastAPI, service: Service) -> None:
    """Add what asks a model: the first one, and under /models/NAME each."""

    @app.get("/models")
    async def models() -> Response:
        return JSONResponse({"models": [documentation.described(model) for model in service.models]})

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        return await _predictions(service, request, None)

    @app.post("/explain")
    async def explain(request: Request) -> Response:
        return await _explanation(service, request, None)

    @app.post("/models/{name}/predict")
    async def predict_of(name: str, request: Request) -> Response:
        return await _predictions(service, request, name)

    @app.post("/models/{name}/explain")
    async def explain_of(name: str, request: Request) -> Response:
        return await _explanation(service, request, name)


def _refuse_other_methods(app: FastAPI) -> None:
    """Have other methods of the paths so far answered by 405: for the page, mounted at /, they would be other paths."""

    for route in [route for route in app.routes if isinstance(route, APIRoute)]:
        others = [method for method in METHODS if method not in route.methods]
        app.add_route(route.path, _refusing(sorted(route.methods)), others, include_in_schema=False)


def _refusing(methods: list[str]) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers requests of other methods than these."""

    async def refuse(request: Request) -> Response:
        raise HTTPException(405, f"this path takes {' and '.join(methods)}", {"allow": ", ".join(methods)})

    return refuse


async def _predictions(service: Service, request: Request, name: str | None) -> Response:
    """Answer a request's texts, all by one model. name: None for the default."""
    service.model(name)
    with service.held.request() as count:
        asked = request_body.texts_of(await request_body.content(request, service.limits, count), service.limits)
        model = service.model(name)
        answers = await _while_connected(request, service.answers(model, asked.texts, asked.all))
    request.app.state.metrics.texts.labels(model.name).inc(len(answers))
    return JSONResponse({"answers": answers, "model": model.name, "version": model.version})


async def _explanation(service: Service, request: Request, name: str | None) -> Response:
    """Answer one text with the words that carry the answer. name: as in `_predictions`."""
    service.model(name)
    with service.held.request() as count:
        text = request_body.text_of(await request_body.content(request, service.limits, count))
        model = service.model(name)
        explanation = await _while_connected(request, service.explanation(model, text))
    return JSONResponse({**explanation, "model": model.name, "version": model.version})


async def _while_connected(request: Request, answering: Coroutine) -> object:
    """Return what a coroutine returns; it is cancelled when the client goes. Raises: Gone.

    request: its body has been read.
    """
    answer, gone = asyncio.ensure_future(answering), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise Gone
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _pointer() -> Response:
    return PlainTextResponse(POINTER)


async def _refusal(request: Request, refused: Refused) -> Response:
    request.app.state.metrics.refused.labels(refused.status).inc()
    return JSONResponse({"error": refused.sentence}, refused.status, refused.headers)


async def _http_error(request: Request, error: HTTPException) -> Response:
    """Answer what FastAPI refuses: no such path, no such method."""
    sentence = str(error.detail)
    sentence = sentence.lower() if sentence.istitle() else sentence
    return JSONResponse({"error": sentence}, error.status_code, error.headers)


async def _gone(request: Request, gone: Gone) -> Response:
    return Response(status_code=GONE)
