"""The one HTTP application: the page at /, what it asks for under /api, and OpenAI's protocol under /v1; nothing else."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from understudy.serving import openai_api, page_api
from understudy.serving.guard import Guard, Hosts, error_body
from understudy.serving.kept.conversations import Conflict, NoConversation
from understudy.serving.state import State
from understudy.shared.errors import UnderstudyError

PAGE = Path(__file__).with_name("page")
INDEX = "index.html"
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
# The list of files, made once: no path from outside is ever joined to a folder.
FILES = {
    path.relative_to(PAGE).as_posix(): path
    for path in sorted(PAGE.rglob("*"))
    if path.is_file() and path.suffix in CONTENT_TYPES
}


def create_application(state: State, hosts: Hosts) -> Starlette:
    """The application for what is served, under the names that `hosts` allows. It closes the engines at its end."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await state.bases.close()
        if state.answers.engine is not None:
            await state.answers.engine.close()

    routes = [
        Route("/", index),
        Route("/page/{name:path}", page_file),
        Mount("/api", routes=page_api.ROUTES),
        Mount("/v1", routes=openai_api.ROUTES),
    ]
    application = guarded_application(routes, hosts, lifespan)
    application.state.serving = state
    return application


def guarded_application(routes: list[BaseRoute], hosts: Hosts, lifespan: Callable | None = None) -> Starlette:
    """An application whose every request goes through the guard, and whose errors say what is wrong."""
    application = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={
            HTTPException: http_error,
            NoConversation: not_there,
            Conflict: conflict,
            UnderstudyError: fault,
            Exception: defect,
        },
        lifespan=lifespan,
    )
    # A redirection would name the host of the request.
    application.router.redirect_slashes = False
    return application


async def index(_: Request) -> Response:
    """The page."""
    return file_response(INDEX)


async def page_file(request: Request) -> Response:
    """A file of the page, by its name in the list."""
    return file_response(request.path_params["name"])


def file_response(name: str) -> Response:
    """Raises HTTPException 404 for a name that isn't in the list."""
    if name not in FILES:
        raise HTTPException(404, "There is no such file.")
    path = FILES[name]
    return FileResponse(path, media_type=CONTENT_TYPES[path.suffix], headers={"Cache-Control": "no-cache"})


def error_response(request: Request, status: int, says: str, headers: dict | None = None) -> Response:
    body = error_body(request.scope["path"], status, says)
    return Response(body, status, headers=headers, media_type="application/json")


async def http_error(request: Request, error: HTTPException) -> Response:
    """What is no endpoint, or no request for one."""
    says = "There is nothing here." if error.status_code == 404 and error.detail == "Not Found" else error.detail
    return error_response(request, error.status_code, says, error.headers)


async def not_there(request: Request, error: NoConversation) -> Response:
    return error_response(request, 404, str(error))


async def conflict(request: Request, error: Conflict) -> Response:
    return error_response(request, 409, str(error))


async def fault(request: Request, error: UnderstudyError) -> Response:
    """What the person at this machine can mend."""
    return error_response(request, 500, str(error))


async def defect(request: Request, _: Exception) -> Response:
    """A defect of ours; uvicorn shows it in the terminal."""
    return error_response(request, 500, "Something went wrong here. The terminal of `understudy serve` shows it.")
