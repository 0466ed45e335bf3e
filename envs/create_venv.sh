#!/bin/sh
# Makes .venv from requirements.lock, or says in the first second why it can't. Called by the Makefile.
#   sh envs/create_venv.sh dev                           # and with it what tests, lint and docs need: requirements-dev.lock
#   PYTHON=/path/to/python3.12 sh envs/create_venv.sh    # to choose the interpreter
# A .venv is never deleted: one of other locks is brought up to date in place, with what somebody has installed into it, and one that was
# cut short is installed over. In each case it has the launcher bin/understudy, which runs this checkout.
set -eu
cd "$(dirname "$0")/.."

supported="Understudy runs on Linux x86-64 (glibc 2.35 or newer: Ubuntu 22.04, Debian 12, Fedora 36 ...) and on macOS arm64 \
(Apple silicon, macOS 14 or newer), with Python 3.11, 3.12 or 3.13. More: docs/install.md"
stop() { printf '%s\n%s\n' "$1" "$supported" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# is_at_least 2.35 2.36 succeeds: versions of two numbers.
is_at_least() { echo "$1 $2" | awk '{ split($1, need, "."); split($2, have, ".");
    exit !(have[1] + 0 > need[1] + 0 || (have[1] + 0 == need[1] + 0 && have[2] + 0 >= need[2] + 0)) }'; }

system="$(uname -s) $(uname -m)"
case "$system" in
    "Linux x86_64") libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "none none")
        is_at_least 2.35 "${libc#* }" || stop "This machine has no glibc, or one that is too old for MLX's wheels ($libc). \
A container brings a newer one: envs/container.def" ;;
    "Darwin arm64") macos=$(sw_vers -productVersion)
        is_at_least 14.0 "$macos" || stop "This machine has macOS $macos." ;;
    *) stop "This machine is $system." ;;
esac

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
    # A linked environment is another checkout's, and so is the one line of its launcher that differs.
    differing=$(if [ -h .venv ]; then echo "|| checkout="; else echo "no line"; fi)
    if [ -x .venv/bin/understudy ] &&
        [ "$(launcher | grep -vF "$differing")" = "$(grep -vF "$differing" .venv/bin/understudy)" ]; then return; fi
    launcher > ".venv/bin/understudy.$$" && chmod 755 ".venv/bin/understudy.$$" && mv ".venv/bin/understudy.$$" .venv/bin/understudy
}

is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
# 3.12, from a .venv whose Python may be gone; nothing where there is no .venv.
version_of_venv() { sed -n 's/^version\(_info\)\{0,1\} *= *\([0-9]*\.[0-9]*\).*/\2/p' .venv/pyvenv.cfg 2>/dev/null | head -n 1; }

# find_python REQUEST CANDIDATE...: one that uv has or may bring, else the first candidate on PATH that is supported.
find_python() {
    request=$1; shift
    if has uv; then
        uv python find --system --no-project "$request" 2>/dev/null && return
        uv python install --quiet "$request" 2>/dev/null && uv python find --system --no-project "$request" 2>/dev/null && return
    fi
    for candidate in "$@"; do
        if is_supported "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

# The one command by which this system gets a Python, or uv, which brings one.
way_to_python() {
    as_root=$([ "$(id -u)" = 0 ] || echo "sudo ")
    if has brew; then echo "brew install uv"; return; fi
    if [ -z "$as_root" ] || has sudo; then
        for version in 3.13 3.12 3.11; do
            if [ -n "$(apt-cache show "python$version-venv" 2>/dev/null)" ]; then echo "${as_root}apt install python$version-venv"; return; fi
        done
        if has dnf; then echo "${as_root}dnf install python3.13"; return; fi
        if has zypper; then echo "${as_root}zypper install python313"; return; fi
        if has pacman; then echo "${as_root}pacman -S uv"; return; fi
    fi
    echo "curl -LsSf https://astral.sh/uv/install.sh | sh"
}

# An activated .venv is not what makes the next one.
PATH=$(echo "$PATH" | tr ':' '\n' | grep -v "/\.venv/bin$" | paste -sd: -)
made_with=$(version_of_venv)
elsewhere="The set-up deletes no environment. Move it away, then again: mv .venv .venv-${made_with:-old}"
if [ -n "${PYTHON:-}" ]; then
    is_supported "$PYTHON" || stop "PYTHON=$PYTHON is $("$PYTHON" --version 2>&1 | head -n 1)."
    [ -z "$made_with" ] || [ "$(version_of "$PYTHON")" = "$made_with" ] ||
        stop "PYTHON=$PYTHON is Python $(version_of "$PYTHON"), and .venv has $made_with. $elsewhere"
elif is_supported .venv/bin/python; then
    PYTHON=.venv/bin/python
elif [ -n "$made_with" ]; then
    PYTHON=$(find_python "$made_with" "python$made_with") && [ "$(version_of "$PYTHON")" = "$made_with" ] && is_supported "$PYTHON" ||
        stop ".venv was made with Python $made_with, which is not here any more or not supported. $elsewhere"
else
    PYTHON=$(find_python '>=3.11,<3.14' python3 python3.13 python3.12 python3.11) ||
        stop "No supported Python on PATH (python3 is $(python3 --version 2>&1 | head -n 1)). This brings one: $(way_to_python)"
fi


# What an earlier lock had and no lock has now. What somebody has installed is in none, and stays.
remove_what_is_no_longer_locked() {
    names='s/^\([a-z0-9._-]*\)==.*/\1/p'
    gone=$(sed -n "$names" .venv/made_from | grep -vxF "$(sed -n "$names" requirements.lock $with_dev)" || true)
    if [ -z "$gone" ]; then return; fi
    # shellcheck disable=SC2086
    if has uv; then VIRTUAL_ENV=.venv uv pip uninstall --quiet $gone; else .venv/bin/python -m pip uninstall --quiet --yes $gone; fi 2>/dev/null
}

# install LOCK STAMP: what LOCK pins, unless STAMP says that it is there.
install() {
    if cmp -s "$1" "$2"; then return; fi
    if [ -e "$2" ] || [ "$state" = new ]; then anew=; else anew=yes; fi
    # Should this be cut short, all is installed anew the next time: what was half installed looks installed.
    rm -f "$2"
    # --no-deps: the lock is complete, and leaves out on purpose what pyproject.toml names under override-dependencies.
    if has uv; then
        VIRTUAL_ENV=.venv uv pip install --quiet --require-hashes --no-deps ${anew:+--reinstall} -r "$1"
    else
        # pip takes nothing away that has no RECORD, which it writes last.
        for folder in .venv/lib/python*/site-packages/*.dist-info; do
            if [ -d "$folder" ] && [ ! -e "$folder/RECORD" ]; then rm -r "$folder"; fi
        done
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps ${anew:+--force-reinstall} -r "$1"
    fi
    state=changed
    .venv/bin/python -c 'import mlx.core, xllamacpp' ||
        stop "The packages are installed, but can't be loaded. On Debian and Ubuntu: apt install libgomp1, then again."
    cp "$1" "$2"
}

if [ "${1:-}" = dev ] || [ -e .venv/made_from_dev ]; then with_dev=requirements-dev.lock; else with_dev=; fi
if [ ! -d .venv ]; then
    state=new
    echo "Setting up .venv with $("$PYTHON" --version), about 2 GB; a few minutes the first time."
else
    state=there
    cmp -s requirements.lock .venv/made_from || echo "Bringing .venv up to date with requirements.lock."
fi
if ! .venv/bin/python -c 'import sys' 2>/dev/null; then
    rm -f .venv/bin/python .venv/bin/python3*
    if has uv; then
        uv venv --quiet --allow-existing --python "$PYTHON" .venv
    else
        "$PYTHON" -m venv .venv ||
            stop "$PYTHON has no working venv module. On Debian and Ubuntu: apt install python$(version_of "$PYTHON")-venv. Or install uv."
    fi
fi
if [ -e .venv/made_from ] && ! cmp -s requirements.lock .venv/made_from; then remove_what_is_no_longer_locked; fi
install requirements.lock .venv/made_from
if [ "${1:-}" = dev ]; then
    cmp -s requirements-dev.lock .venv/made_from_dev || echo "Adding to .venv what tests, lint and docs need."
    install requirements-dev.lock .venv/made_from_dev
fi
write_launcher
