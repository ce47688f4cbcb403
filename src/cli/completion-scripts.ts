/** The scripts of completion, one for each shell, made from the commands. */

/** A command as completion sees it. */
export interface Node {
  /** Such as "robot create"; empty for the program. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
  /** Fixed words: choices of an argument. */
  readonly choices: readonly Word[];
  /** An option → the words that may follow it; none where it may be anything. */
  readonly values: readonly (readonly [string, readonly string[]])[];
}

export interface Word {
  readonly word: string;
  readonly description: string;
}

function words(list: readonly Word[]): string {
  return list.map(({ word }) => word).join(" ");
}

/** Lines of a `case`: where one is, in words. */
function whereCases(nodes: readonly Node[]): string {
  return nodes
    .slice(1)
    .map(({ path }) => `"${path}"`)
    .join("|");
}

export function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const values = node.values.map(
      ([name, choices]) => `        ${name}) candidates="${choices.join(" ")}"; fixed=1 ;;`,
    );
    return `    "${node.path}")
      case "$before" in
${values.join("\n")}
      esac
      if [[ -z $fixed ]]; then
        if [[ $current == -* ]]; then candidates="${words(node.options)}"
        else candidates="${words([...node.commands, ...node.choices])}"; fi
      fi ;;`;
  });
  return `# Completion of slipway for bash: source <(slipway completion bash)
_slipway() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  local where="" word candidates="" fixed=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${where:+$where }$word" in
      ${whereCases(nodes)}) where="\${where:+$where }$word" ;;
    esac
  done
  case "$where" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o default -F _slipway slipway
`;
}

export function zshScript(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const values = node.values.map(([name, choices]) =>
      choices.length === 0
        ? `        ${name}) _files; return ;;`
        : `        ${name}) compadd -- ${choices.join(" ")}; return ;;`,
    );
    return `    "${node.path}")
      case "$before" in
${values.join("\n")}
      esac
      options=(${zshWords(node.options)})
      commands=(${zshWords([...node.commands, ...node.choices])}) ;;`;
  });
  return `#compdef slipway
# Completion of slipway for zsh: source <(slipway completion zsh)
_slipway() {
  local current="\${words[CURRENT]}" before="\${words[CURRENT-1]}" where="" word
  local -a options commands
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${where:+$where }$word" in
      ${whereCases(nodes)}) where="\${where:+$where }$word" ;;
    esac
  done
  case "$where" in
${cases.join("\n")}
  esac
  if [[ $current == -* ]]; then _describe option options
  elif (( \${#commands} )); then _describe command commands
  else _files; fi
}
compdef _slipway slipway
`;
}

export function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const at = `complete -c slipway -n ${fishQuoted(`__slipway_at ${fishQuoted(node.path)}`)}`;
    const choices = new Map(node.values);
    return [
      ...[...node.commands, ...node.choices].map(
        ({ word, description }) => `${at} -f -a ${word} -d ${fishQuoted(description)}`,
      ),
      ...node.options.map(({ word, description }) => {
        const values = choices.get(word);
        const takes =
          values === undefined
            ? ""
            : values.length === 0
              ? " -r"
              : ` -x -a ${fishQuoted(values.join(" "))}`;
        const flag = word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
        return `${at} ${flag}${takes} -d ${fishQuoted(description)}`;
      }),
    ];
  });
  return `# Completion of slipway for fish: slipway completion fish > ~/.config/fish/completions/slipway.fish
function __slipway_at
  set -l where
  for word in (commandline -opc)[2..]
    set -l next (string trim "$where $word")
    switch "$next"
      case ${nodes
        .slice(1)
        .map(({ path }) => fishQuoted(path))
        .join(" ")}
        set where "$next"
    end
  end
  test "$where" = "$argv[1]"
end
${lines.join("\n")}
`;
}

function zshWords(list: readonly Word[]): string {
  return list
    .map(({ word, description }) => `'${word}:${description.replaceAll("'", "'\\''")}'`)
    .join(" ");
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
