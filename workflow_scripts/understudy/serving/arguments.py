"""What `understudy serve` and a pack's serve.py take: where it is served, what computes, and what answers have."""

import argparse
from dataclasses import dataclass

from understudy.serving.served import LAST_PORT, LOOPBACK, PORT, Address, OtherEngine
from understudy.shared.numbers import whole_number


@dataclass(frozen=True)
class Wanted:
    """The arguments, as `serve` takes them: `shown` are Served's with_sources and with_gate."""

    address: Address
    other: OtherEngine | None
    shown: dict[str, bool]


def port_number(text: str) -> int:
    """A port as an argument."""
    return whole_number(text, LAST_PORT)


def host_name(text: str) -> str:
    """An address to listen at. None would be every address."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; 0.0.0.0 is for everybody who reaches this machine")
    return text


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options; what is served is no part of them."""
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="let a server compute that speaks OpenAI's protocol, such as http://localhost:11434/v1",
    )
    parser.add_argument("--engine-model", metavar="NAME", help="the server's model, if it has several")
    parser.add_argument("--port", type=port_number, default=PORT, help=f"default: {PORT}")
    parser.add_argument(
        "--host",
        type=host_name,
        default=LOOPBACK,
        help=f"the address to listen at (default: {LOOPBACK}, this machine alone)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which it may be asked beside localhost, such as that of a reverse proxy; may be given again",
    )
    parser.add_argument("--no-sources", action="store_true", help="the model alone, without the passages of the talks")
    parser.add_argument("--no-gate", action="store_true", help="ask the model also what the talks don't answer")


def wanted(arguments: argparse.Namespace) -> Wanted:
    """What the options say."""
    return Wanted(
        Address(arguments.host, arguments.port, tuple(arguments.allow_host)),
        OtherEngine(arguments.engine, arguments.engine_model) if arguments.engine else None,
        {"with_sources": not arguments.no_sources, "with_gate": not arguments.no_gate},
    )
