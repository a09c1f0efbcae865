"""The verb `completion` of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import add_verb

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs

Words = Mapping[str, tuple[str, ...]]
"""The words that may follow; each key has the verbs so far, and perhaps an option, with spaces."""


def add_completion(verbs: Verbs) -> None:
    """Add `completion`."""
    verb = add_verb(
        verbs,
        "completion",
        _completion,
        "print a shell's completion of verbs, options and values",
        "completion bash >> ~/.bashrc",
    )
    verb.add_argument("shell", choices=tuple(_SCRIPTS), metavar="SHELL", help="|".join(_SCRIPTS))


def _completion(options: argparse.Namespace) -> int:
    from cgo_prebuilt.cli import parser

    print(script(options.shell, parser()), end="")
    return 0


def script(shell: str, command: argparse.ArgumentParser) -> str:
    """Return the completion script of a shell.

    Args:
        shell: `bash`, `zsh`, `fish` or `powershell`.
        command: The command's parser.
    """
    verbs, options = words_of(command)
    table = {**verbs, **options}
    opening, line, closing = _SCRIPTS[shell]
    lines = (line.format(key=key, words=" ".join(words)) for key, words in table.items())
    comma = ", " if shell == "powershell" else " "
    quoted = comma.join(f"'{verb}'" for verb in verbs if verb)
    return opening + "".join(lines) + closing.replace("VERBS", quoted)


def words_of(command: argparse.ArgumentParser) -> tuple[Words, Words]:
    """Return verbs and options by verb, and the values of options with fixed choices."""
    after: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[str, ...]] = {}
    for path, parser in _parsers("", command):
        shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
        words: list[str] = []
        for action in shown:
            words += [option for option in action.option_strings if option.startswith("--")]
            words += () if action.option_strings else map(str, action.choices or ())
        after[path] = tuple(words)
        for action in shown:
            # After an option without a value, the same words may follow as before it.
            values_of = words if action.nargs == 0 else action.choices or ()
            for option in action.option_strings if values_of else ():
                values[f"{path} {option}".strip()] = tuple(map(str, values_of))
    return after, values


def _parsers(
    path: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _parsers(f"{path} {name}".strip(), inner)


_BASH = (
    "_cgo_prebuilt_words() {\n    case $1 in\n",
    "    '{key}') echo '{words}' ;;\n",
    """\
    esac
}
_cgo_prebuilt() {
    local path= word i words
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        for verb in VERBS; do
            [ "${path:+$path }$word" = "$verb" ] && path=$verb && break
        done
    done
    words=$(_cgo_prebuilt_words "${path:+$path }${COMP_WORDS[COMP_CWORD - 1]}")
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -*) ;;
    *) words=$(_cgo_prebuilt_words "$path") ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _cgo_prebuilt cgo-prebuilt
""",
)

# zsh runs bash's completions.
_ZSH = ("autoload -U +X bashcompinit && bashcompinit\n" + _BASH[0], _BASH[1], _BASH[2])

_FISH = (
    'function __cgo_prebuilt_words\n    switch "$argv"\n',
    "        case '{key}'\n            string split -- ' ' '{words}'\n",
    """\
    end
end
function __cgo_prebuilt
    set -l path
    set -l last
    for word in (commandline -opc)[2..]
        set last $word
        for verb in VERBS
            if test "$path $word" = " $verb"; or test "$path $word" = "$verb"
                set path $verb
                break
            end
        end
    end
    switch "$last"
        case '-*'
            __cgo_prebuilt_words (string trim "$path $last")
        case '*'
            __cgo_prebuilt_words "$path"
    end
end
complete -c cgo-prebuilt -a '(__cgo_prebuilt)'
""",
)

_POWERSHELL = (
    "$CgoPrebuiltWords = @{\n",
    "    '{key}' = '{words}'\n",
    """\
}
Register-ArgumentCompleter -Native -CommandName cgo-prebuilt -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition }
    $path = ''
    $last = ''
    foreach ($word in ($before | Select-Object -Skip 1)) {
        $last = "$word"
        $next = "$path $word".Trim()
        if (@(VERBS) -contains $next) { $path = $next }
    }
    $key = if ($last.StartsWith('-')) { "$path $last".Trim() } else { $path }
    "$($CgoPrebuiltWords[$key])".Split(' ') | Where-Object { $_ -like "$wordToComplete*" } |
        ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
""",
)

_SCRIPTS: Mapping[str, tuple[str, str, str]] = {
    "bash": _BASH,
    "zsh": _ZSH,
    "fish": _FISH,
    "powershell": _POWERSHELL,
}
