"""The WebSocket ``/v1/progress``: whoever connects says what to watch, and is told of changes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import trio

from rowferry.domain.access import Caller, Credentials, Door, check_same_client
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import SystemError  # noqa: A004  the event
from rowferry.domain.task import task_not_found
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import Doorkeeper, Observer
from rowferry.status.progress_hub import ProgressHub, Watcher
from rowferry.status.progress_messages import (
    HEARTBEAT,
    SUBPROTOCOL,
    Auth,
    Subscribe,
    Unsubscribe,
    decode_message,
    error_message,
    message,
    snapshot_message,
    task_message,
)
from rowferry.status.progress_outlets import FetchedOutlet, WrittenOutlet
from rowferry.status.progress_update import ProgressFilter
from rowferry.wire.asgi import Receive, Scope, Send, header, refuse_websocket
from rowferry.wire.asgi_routes import credentials_of, serve_connection
from rowferry.wire.error_status import close_code
from rowferry.wire.websocket_handshake import (
    TOKEN_SUBPROTOCOL,
    HandshakeRules,
    check_handshake,
)

PROGRESS_PATH: Final = "/v1/progress"
AUTH_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0


class ProgressSocket:
    """The ASGI application of the WebSocket."""

    def __init__(
        self,
        hub: ProgressHub,
        doorkeeper: Doorkeeper,
        observer: Observer,
        allowed_origins: Collection[str],
    ) -> None:
        self._hub = hub
        self._doorkeeper = doorkeeper
        self._observer = observer
        self._rules = HandshakeRules(subprotocol=SUBPROTOCOL, allowed_origins=allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; whatever goes wrong in it is told with its close code."""
        await receive()  # websocket.connect
        try:
            credentials = self._credentials(scope)
            caller = self._caller(credentials)
        except RowferryError as refusal:
            await refuse_websocket(send, refusal)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        conversation = _Conversation(self._hub, self._doorkeeper, scope, receive, send)
        try:
            await conversation.hold(caller, credentials)
        except _LeftError:
            pass
        except RowferryError as error:
            await conversation.end(error)
        except Exception as error:  # noqa: BLE001  reported, and told to the client as INTERNAL
            self._observer.observe(SystemError(error=error, where="progress"))
            await conversation.end(RowferryError(ErrorCode.INTERNAL, "The service failed."))

    def _credentials(self, scope: Scope) -> Credentials:
        """Check the handshake and give what it shows."""
        offered = scope["subprotocols"]
        check_handshake(
            self._rules,
            path=scope["path"],
            origin=header(scope, b"origin"),
            host=header(scope, b"host"),
            subprotocols=offered,
        )
        shown = credentials_of(scope)
        return replace(shown, token=shown.token or _offered_token(offered))

    def _caller(self, credentials: Credentials) -> Caller | None:
        """Let a caller in; None for one who shows nothing and may do so with a message yet."""
        if not credentials.token:
            try:
                self._doorkeeper.recognise(Door.HTTP, credentials)
            except RowferryError as refusal:
                if refusal.code is ErrorCode.UNAUTHENTICATED:
                    return None
        return self._doorkeeper.admit(Door.HTTP, credentials)


def _offered_token(subprotocols: Sequence[str]) -> str:
    """Give the token that a browser's page shows as a subprotocol: it can set no header field."""
    tokens = (o for o in subprotocols if o.startswith(TOKEN_SUBPROTOCOL))
    return next(tokens, TOKEN_SUBPROTOCOL).removeprefix(TOKEN_SUBPROTOCOL)


class _LeftError(Exception):
    """The client has closed the connection."""


class _Conversation:
    """What is said on one connection."""

    def __init__(
        self,
        hub: ProgressHub,
        doorkeeper: Doorkeeper,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._hub = hub
        self._doorkeeper = doorkeeper
        self._scope = scope
        self._receive = receive
        self._send = send
        self._all: ProgressFilter | None = None
        self._outlet: WrittenOutlet | FetchedOutlet | None = None

    async def hold(self, caller: Caller | None, credentials: Credentials) -> None:
        """Talk until the client leaves, or somebody has to end it: raises why."""
        if caller is None:
            credentials, caller = await self._authenticated(credentials)
        serve_connection(self._scope, caller)
        stream = self._scope["state"].get("plain_stream")
        check = partial(self._check, caller, credentials)
        outlet = FetchedOutlet(check) if stream is None else WrittenOutlet(stream, check)
        self._outlet = outlet
        with self._hub.joined(caller.client, outlet) as watcher, outlet.scope:
            if isinstance(outlet, WrittenOutlet):
                await self._answer(watcher)
            else:
                async with open_plain_nursery() as nursery:
                    nursery.start_soon(self._send_updates, outlet)
                    await self._answer(watcher)
        if outlet.reason is not None:
            raise outlet.reason

    async def end(self, error: RowferryError) -> None:
        """Tell why the service ends the conversation, and close the connection."""
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await self._say(error_message(error))
            await self._send({"type": "websocket.close", "code": close_code(error.code)})

    async def _authenticated(self, credentials: Credentials) -> tuple[Credentials, Caller]:
        """Take the token that the first message brings."""
        try:
            with trio.fail_after(AUTH_SECONDS):
                first = await self._heard()
        except trio.TooSlowError:
            first = None
        if not isinstance(first, Auth):
            message = "The first message brings a token."
            raise RowferryError(ErrorCode.UNAUTHENTICATED, message)
        shown = replace(credentials, token=first.token)
        return shown, self._doorkeeper.admit(Door.HTTP, shown)

    def _check(self, caller: Caller, credentials: Credentials) -> None:
        """Raise UNAUTHENTICATED or FORBIDDEN for a client that may not watch any longer."""
        check_same_client(caller.client, self._doorkeeper.recognise(Door.HTTP, credentials))

    async def _answer(self, watcher: Watcher) -> None:
        while True:
            said = await self._heard()
            if isinstance(said, Subscribe):
                await self._subscribe(watcher, said)
            elif isinstance(said, Unsubscribe):
                await self._unsubscribe(watcher, said)
            # a token that was not asked for is no reason to part

    async def _subscribe(self, watcher: Watcher, wish: Subscribe) -> None:
        if wish.task_ids:
            found = await self._hub.follow_tasks(watcher, wish.task_ids)
            await self._say(
                message("subscribed", task_ids=list(found)),
                snapshot_message(found.values()),
                *(error_message(task_not_found(i)) for i in wish.task_ids if i not in found),
            )
        if wish.all:
            before, self._all = self._all, wish.wanted
            updates = await self._hub.follow_all(watcher, wish.wanted)
            if before is not None and before != wish.wanted:
                self._hub.unfollow(watcher, [before])
            await self._say(message("subscribed", all=True), snapshot_message(updates))

    async def _unsubscribe(self, watcher: Watcher, wish: Unsubscribe) -> None:
        self._hub.unfollow(watcher, wish.task_ids)
        if wish.all and self._all is not None:
            self._hub.unfollow(watcher, [self._all])
            self._all = None
        await self._say(message("unsubscribed", task_ids=list(wish.task_ids), all=wish.all))

    async def _heard(self) -> Auth | Subscribe | Unsubscribe:
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise _LeftError
        return decode_message(event.get("text"))

    async def _say(self, *messages: bytes) -> None:
        """Answer; meanwhile no update comes between, or ahead of the snapshot that it changes."""
        if self._outlet is not None:
            self._outlet.busy = True
        try:
            await self._send_texts(messages)
        finally:
            if self._outlet is not None:
                self._outlet.busy = False

    async def _send_updates(self, outlet: FetchedOutlet) -> None:
        while True:
            updates = await outlet.fetch()
            texts = [update.encoded(task_message) for update in updates.all]
            await self._send_texts(texts or [HEARTBEAT])

    async def _send_texts(self, texts: Iterable[bytes]) -> None:
        for text in texts:
            await self._send({"type": "websocket.send", "text": text.decode()})
