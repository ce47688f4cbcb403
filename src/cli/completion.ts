/** Scripts with which shells complete commands and options; the tree of commands says them all. */
import { Argument, type Command, type Option } from "commander";
import { pathOf } from "./command.ts";
import { bashScript, fishScript, type Node, type Word, zshScript } from "./completion-scripts.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .description("Print a script that makes a shell complete these commands.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
bash   add to ~/.bashrc:  source <(slipway completion bash)
zsh    add to ~/.zshrc, after compinit:  source <(slipway completion zsh)
fish   slipway completion fish > ~/.config/fish/completions/slipway.fish`,
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program);
  switch (shell) {
    case "bash":
      return bashScript(nodes);
    case "zsh":
      return zshScript(nodes);
    case "fish":
      return fishScript(nodes);
  }
}

function nodesOf(command: Command): Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const own = help.visibleOptions(command);
  const options = [...own, ...globalOptions(command, own)];
  const node: Node = {
    path: pathOf(command).replace(/^slipway ?/, ""),
    commands: commands.map((one) => ({
      word: one.name(),
      description: firstSentence(one.description()),
    })),
    options: options.flatMap((option) => wordsOf(option)),
    choices: command.registeredArguments.flatMap(({ argChoices, description }) =>
      (argChoices ?? []).map((word) => ({ word, description })),
    ),
    values: options
      .filter((option) => option.required || option.optional)
      .flatMap((option) => namesOf(option).map((name) => [name, option.argChoices ?? []] as const)),
  };
  // "help" is a command of commander's own, without a place in the tree.
  const below = commands.filter((one) => one.parent !== null && one.name() !== "help");
  return [node, ...below.flatMap(nodesOf)];
}

function globalOptions(command: Command, own: readonly Option[]): Option[] {
  const { parent } = command;
  if (parent === null) return [];
  const names = new Set(own.flatMap(namesOf));
  const inherited = parent.options.filter(
    (option) =>
      !option.hidden &&
      option.long !== "--version" &&
      !namesOf(option).some((name) => names.has(name)),
  );
  return [...inherited, ...globalOptions(parent, [...own, ...inherited])];
}

function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined);
}

function wordsOf(option: Option): Word[] {
  const { long, short, description } = option;
  return [{ word: long ?? short ?? "", description: firstSentence(description) }];
}

function firstSentence(text: string): string {
  return /^[^.;(]*/.exec(text)?.[0].trim() ?? "";
}
