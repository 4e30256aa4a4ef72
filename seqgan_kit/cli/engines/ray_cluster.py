"""Connect to a Ray cluster, or start Ray on this machine, and check what its nodes offer.

Usage statistics and the dashboard stay off. An address that does not answer is refused after seconds.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from seqgan_kit.errors import UsageError

ANSWER_SECONDS = 5.0
"""How long an address may take to answer."""
_OWN = "local"
_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/\s]+):(\d{1,5})")
# For a cluster that is running. Ray's own limits are 20 seconds and more, with a warning every second.
_PATIENCE = {
    "RAY_gcs_rpc_server_connect_timeout_s": f"{ANSWER_SECONDS:.0f}",
    "RAY_NUM_REDIS_GET_RETRIES": "10",  # about one a second
    "RAY_BACKEND_LOG_LEVEL": "error",
}
# HTTP/2 as gRPC speaks it: the client's preface with empty settings; the server begins with its settings.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
_SETTINGS_FRAME = b"\x04"


def chosen_address(given: str) -> str:
    """Return the address of a cluster: as given, from RAY_ADDRESS, or "local" for a Ray of this command."""
    return given or os.environ.get("RAY_ADDRESS", "") or _OWN


def ray_library(address: str) -> Any:
    """Import Ray without usage statistics, or say which extra has it.

    Its settings are read from the environment when it is imported. It listens on all addresses of the
    machine, so a Ray of this command asks for a token that only this command's processes know.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address != _OWN:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
    elif "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        library: Any = import_module("ray")
    except ImportError:
        raise UsageError(
            "--on ray needs Ray: install it with pip install 'seqgan-kit[ray]'."
        ) from None
    return library


def connect(ray: Any, address: str) -> None:
    """Connect this process to a cluster.

    Args:
        ray: the library.
        address: HOST:PORT; "auto" for the cluster of this machine; "local" for a Ray of this command.
    """
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == _OWN:
        how["include_dashboard"] = False
    else:
        _check_answer(address)
    try:
        ray.init(address=address, **how)
    except Exception as error:  # Ray raises errors of many kinds here, each with a long text.
        said = str(error).strip().split("\n")[0]
        if address == _OWN:
            raise UsageError(f"Ray does not start on this machine ({said}).") from None
        raise UsageError(
            f"--address {address}: there is no usable Ray cluster ({said}). Start one with 'ray start "
            "--head', or leave out --address to use this machine alone."
        ) from None


def _check_answer(address: str) -> None:
    """Refuse an address that cannot be one, or where nothing answers in time."""
    if address == "auto":
        return
    if address.startswith("ray://"):
        raise UsageError(
            f"--address {address}: Ray Client is not supported, because the command must see the runs' "
            "folders. Start it on a node of the cluster with --address HOST:PORT, usually port 6379."
        )
    found = _HOST_PORT.fullmatch(address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise UsageError(
            f"--address {address!r}: must be HOST:PORT, as in --address 10.0.0.5:6379, or 'auto' for the "
            "cluster of this machine."
        )
    try:
        reply = _reply((found[1].strip("[]"), int(found[2])))
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise UsageError(
            f"--address {address} did not answer within {ANSWER_SECONDS:.0f} seconds ({reason}): check "
            "host and port, and that the cluster runs ('ray status' on its head node)."
        ) from None
    if reply[3:4] != _SETTINGS_FRAME:
        raise UsageError(
            f"--address {address}: what answers there is not Ray: give the port of the head node, usually "
            "6379."
        )


def _reply(where: tuple[str, int]) -> bytes:
    """Return the first bytes that a server of gRPC, as Ray's, sends; nothing is read where TLS is on."""
    with socket.create_connection(where, ANSWER_SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0") != "0":
            return b"   " + _SETTINGS_FRAME
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(_GREETING)
        return connection.recv(9)


def fitting_nodes(ray: Any, needs: Mapping[str, float]) -> list[Mapping[str, Any]]:
    """Return the live nodes that can give a run its resources when they are free."""
    return [
        node
        for node in _live_nodes(ray)
        if all(node["Resources"].get(name, 0.0) >= amount for name, amount in needs.items())
    ]


def check_resources(ray: Any, needs: Mapping[str, float]) -> None:
    """Refuse resources that no node has, so that no run waits forever."""
    if fitting_nodes(ray, needs):
        return
    offered = _in_words([node["Resources"] for node in _live_nodes(ray)], tuple(needs))
    asked = " and ".join(f"{amount:g} {name}" for name, amount in needs.items())
    raise UsageError(
        f"a run needs {asked}, but no node of the cluster has that ({offered}): lower --cpus or --gpus, or "
        "add a node."
    )


def _live_nodes(ray: Any) -> list[Mapping[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _in_words(resources: Sequence[Mapping[str, float]], names: Sequence[str]) -> str:
    shown = sorted({" and ".join(f"{one.get(n, 0.0):g} {n}" for n in names) for one in resources})
    return f"nodes have {'; '.join(shown)}" if shown else "no node is alive"
