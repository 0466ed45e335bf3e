#!/bin/sh
# Makes .venv from requirements.lock, or says in the first second why it cannot. Called by the Makefile.
#   PYTHON=/path/to/python3.12 sh envs/create_venv.sh    # to choose the interpreter
# A .venv that was made from the same lock is left alone, one that was made from another is renewed in place, and one that was cut short
# is made anew. Either way it has the launcher bin/understudy, which runs this checkout.
set -eu
cd "$(dirname "$0")/.."

supported="Understudy runs on Linux x86-64 (glibc 2.35 or newer: Ubuntu 22.04, Debian 12, Fedora 36 ...) and on macOS arm64 \
(Apple silicon, macOS 14 or newer), with Python 3.11, 3.12 or 3.13."
stop() { printf '%s\n%s\n' "$1" "$supported" >&2; exit 1; }

# is_at_least 2.35 2.36 succeeds: versions of two numbers.
is_at_least() { echo "$1 $2" | awk '{ split($1, need, "."); split($2, have, ".");
    exit !(have[1] + 0 > need[1] + 0 || (have[1] + 0 == need[1] + 0 && have[2] + 0 >= need[2] + 0)) }'; }

system="$(uname -s) $(uname -m)"
case "$system" in
    "Linux x86_64") libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "none none")
        is_at_least 2.35 "${libc#* }" || stop "This machine has no glibc, or one that is too old for MLX's wheels ($libc)." ;;
    "Darwin arm64") macos=$(sw_vers -productVersion)
        is_at_least 14.0 "$macos" || stop "This machine has macOS $macos." ;;
    *) stop "This machine is $system." ;;
esac

is_current() { cmp -s requirements.lock .venv/made_from && [ -x .venv/bin/python ]; }
launcher() { cat <<LAUNCHER
#!/bin/sh
# Written by envs/create_venv.sh: the command of the checkout that this environment lies in, else of the one that it was set up by.
launcher=\$0
while [ -h "\$launcher" ]; do
    target=\$(readlink "\$launcher")
    case "\$target" in /*) launcher=\$target ;; *) launcher=\$(dirname -- "\$launcher")/\$target ;; esac
done
checkout=\$(CDPATH= cd -- "\$(dirname -- "\$launcher")/../.." && pwd)
[ -f "\$checkout/workflow_scripts/command_line.py" ] || checkout='$(pwd | sed "s/'/'\\\\''/g")'
exec "\$checkout/.venv/bin/python" "\$checkout/workflow_scripts/command_line.py" "\$@"
LAUNCHER
}
write_launcher() {
    if [ -x .venv/bin/understudy ] && [ "$(launcher)" = "$(cat .venv/bin/understudy)" ]; then return; fi
    launcher > ".venv/bin/understudy.$$" && chmod 755 ".venv/bin/understudy.$$" && mv ".venv/bin/understudy.$$" .venv/bin/understudy
}
is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
if [ -n "${PYTHON:-}" ]; then
    is_supported "$PYTHON" || stop "PYTHON=$PYTHON is $("$PYTHON" --version 2>&1 | head -n 1)."
else
    # A good .venv stays, whatever python3 is today; and one that is activated is not what makes the next.
    if is_current && is_supported .venv/bin/python; then write_launcher; exit 0; fi
    PATH=$(echo "$PATH" | tr ':' '\n' | grep -v "/\.venv/bin$" | paste -sd: -)
    if [ -f .venv/made_from ] && is_supported .venv/bin/python; then PYTHON=.venv/bin/python; fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if [ -n "${PYTHON:-}" ]; then break; fi
        if is_supported "$candidate"; then PYTHON=$candidate; fi
    done
    [ -n "${PYTHON:-}" ] || stop "No supported Python on PATH (python3 is $(python3 --version 2>&1 | head -n 1))."
fi

is_same_version() { [ "$("$PYTHON" --version)" = "$(.venv/bin/python --version)" ]; }
if is_current && is_same_version; then write_launcher; exit 0; fi

if [ -f .venv/made_from ] && [ -x .venv/bin/python ] && is_same_version; then
    echo "Renewing .venv: requirements.lock has changed."
    # Should this be cut short, the next one is made anew: what was half installed looks installed to pip.
    rm .venv/made_from
else
    echo "Setting up .venv with $("$PYTHON" --version), about 2.5 GB; a few minutes the first time."
    rm -rf .venv
fi
# --no-deps: the lock is complete, and leaves out on purpose what pyproject.toml names under override-dependencies.
if command -v uv >/dev/null 2>&1; then
    [ -d .venv ] || uv venv --quiet --python "$PYTHON" .venv
    VIRTUAL_ENV=.venv uv pip install --quiet --require-hashes --no-deps -r requirements.lock
else
    [ -d .venv ] || "$PYTHON" -m venv .venv ||
        stop "$PYTHON has no working venv module. On Debian and Ubuntu: apt install python3-venv. Or install uv."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
fi
.venv/bin/python -c 'import mlx.core, xllamacpp' ||
    stop "The packages are installed, but can't be loaded. On Debian and Ubuntu: apt install libgomp1, then again."
write_launcher
cp requirements.lock .venv/made_from
