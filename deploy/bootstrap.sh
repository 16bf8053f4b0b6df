#!/bin/sh
# Makes .venv: a virtual environment with exactly the packages of requirements.lock, and Ordergate itself.
# Every target of the Makefile calls it first. What is done already is not done again, and a virtual
# environment whose making was interrupted is made anew. PYTHON=… chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
log=.run/bootstrap.log
packages_stamp=$venv/packages.stamp # written last, so a half-made environment never has it
project_stamp=$venv/project.stamp

say() {
    printf 'ordergate: %s\n' "$*"
}

# fail WHAT DO...: what happened, then one line each of what to do.
fail() {
    printf 'ordergate: %s\n' "$1" >&2
    shift
    printf '  do       %s\n' "$@" >&2
    exit 1
}

# The interpreter to make the environment with: the first that is new enough and whole.
find_python() {
    too_old='' without_venv=''
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3
    fi
    for candidate; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            too_old="$too_old $candidate"
        elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            without_venv="$without_venv $candidate"
        else
            python=$candidate
            return
        fi
    done
    if [ -n "$without_venv" ]; then
        fail "Python is here, but its module venv is not:$without_venv" \
            "install it (Debian, Ubuntu: apt-get install python3-venv), then run the same command again"
    fi
    fail "no Python 3.11 or newer was found${too_old:+, only older ones:$too_old}" \
        "install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3 …"
}

# What the installed packages depend on: the lock, and the folder, whose path the scripts in .venv contain.
packages_wanted() {
    { pwd -P && cat requirements.lock; } | sha256sum
}

project_wanted() {
    { packages_wanted && cat pyproject.toml; } | sha256sum
}

holds() {
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

pip() {
    "$venv/bin/python" -I -m pip --disable-pip-version-check --no-input "$@"
}

# Installs the lock; tells every tenth package and every large download, keeps the rest in the log.
install_packages() {
    total=$(grep -c == requirements.lock)
    {
        pip install --no-user --no-deps --only-binary :all: --progress-bar off -r requirements.lock 2>&1 &&
            echo 'ordergate: all packages are installed'
    } | {
        count=0 complete=no
        while IFS= read -r line; do
            printf '%s\n' "$line" >>"$log"
            case $line in
                'Collecting '* | 'Requirement already satisfied: '*)
                    count=$((count + 1))
                    if [ $((count % 10)) -eq 0 ]; then say "  package $count of $total"; fi
                    ;;
                *'Downloading '*[0-9][0-9].[0-9]' MB)') say "  ${line#"${line%%[! ]*}"}" ;;
                'Installing collected packages:'*) say '  all are here; installing them' ;;
                'ordergate: all packages are installed') complete=yes ;;
            esac
        done
        [ $complete = yes ]
    }
}

mkdir -p .run
if command -v flock >/dev/null 2>&1; then
    exec 9>.run/bootstrap.lock
    flock --nonblock 9 || { say 'waiting for another make that prepares this checkout' && flock 9; }
fi

if ! holds "$packages_stamp" "$(packages_wanted)" || ! "$venv/bin/python" -I -c 'import pip' 2>/dev/null; then
    if [ ! -f "$packages_stamp" ] || ! "$venv/bin/python" -I -c 'import pip' 2>/dev/null; then
        find_python
        say "making the virtual environment $venv with $("$python" --version) (once)"
        rm -rf "$venv"
        "$python" -m venv "$venv"
    fi
    rm -f "$packages_stamp"
    say "installing the packages of requirements.lock; downloads 120 MB the first time, details in $log"
    : >"$log"
    if ! install_packages; then
        tail -n 15 "$log" >&2
        fail 'a package could not be installed; the words of pip are above' \
            'is the network there, and the package index that pip is configured for?' \
            'then run the same command again: what was downloaded is not downloaded again'
    fi
    packages_wanted >"$packages_stamp"
fi

if ! holds "$project_stamp" "$(project_wanted)"; then
    say 'installing Ordergate itself into it, from this checkout'
    if ! pip install --no-user --no-deps --no-build-isolation --quiet -e . >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail 'Ordergate itself could not be installed; the words of pip are above' \
            'correct pyproject.toml, or start afresh: make clean, then the same command again'
    fi
    project_wanted >"$project_stamp"
fi
