"""The process in which llama.cpp serves one GGUF file; server.py starts it, and writes its settings as the first line of standard
input. It imports nothing of this package."""

import json
import os
import sys
from pathlib import Path


def serve(settings: dict) -> None:
    """The server's process: say the address on standard output, then run until standard input closes."""
    address_goes_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import xllamacpp

    server = xllamacpp.Server(server_parameters(xllamacpp.CommonParams(), settings))
    try:
        print(server.listening_address, file=address_goes_to, flush=True)
        sys.stdin.buffer.read()
    finally:
        # Also when nobody is left to read the address. Requests under way are of no interest to anyone any more, so nothing waits
        # for them; an ordinary end would, for good.
        os._exit(0)


def server_parameters(params, settings: dict):
    params.model.path = settings["model"]
    # Otherwise replies name the model by its path on this machine.
    params.model_alias = {Path(settings["model"]).stem}
    params.n_ctx = settings["n_ctx"]
    params.n_parallel = settings["n_parallel"]
    if settings["slots_folder"]:
        params.slot_save_path = settings["slots_folder"] + os.sep
    if settings["api_key"]:
        params.api_keys = [settings["api_key"]]
    # Copies of replaced prompts took up to 8 GB and were of no use to other slots: loading one removes it.
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.ui = False
    params.port = 0
    params.verbosity = 2
    if settings["embeds"]:
        params.embedding = True
        # A text is read in one piece by a model that looks in both directions.
        params.n_batch = params.n_ubatch = params.n_ctx
    if settings["threads"]:
        params.cpuparams.n_threads = settings["threads"]
        params.cpuparams_batch.n_threads = settings["threads"]
    return params


if __name__ == "__main__":
    serve(json.loads(sys.stdin.buffer.readline()))
