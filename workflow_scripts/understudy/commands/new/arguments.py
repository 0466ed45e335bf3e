"""The options of `understudy new`; what they lead to takes a second to load, which no other command waits for."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What would be asked for otherwise."""
    parser.add_argument("folder", type=Path, help="a folder that isn't there yet, or has no project in it")
    parser.add_argument("--name", help="the model's name (default: the folder's)")
    talks = parser.add_mutually_exclusive_group()
    talks.add_argument("--channel", help="a YouTube channel, playlist or video: @handle or address")
    talks.add_argument(
        "--captions", type=Path, metavar="FOLDER", help="caption files, which are copied into the project"
    )
    parser.add_argument("--language", help="of the talks, as a code such as en (default: en)")
    parser.add_argument("--whose", metavar="NAME", help="whose talks these are; the model's card says it")
    parser.add_argument("--rights", help="by what right you use them, in your words; the card says it")
    parser.add_argument("--voice", help="how they speak, in a few words (default: that name)")
    parser.add_argument(
        "--teacher", metavar="MODEL", help="a model that is offered, a .gguf file, or a model's name at --server"
    )
    parser.add_argument("--server", metavar="URL", help="an OpenAI-compatible server (default: OpenAI's)")
    parser.add_argument("--base", metavar="MODEL", help="a model that is offered, a hub id, a folder, or a .gguf file")
