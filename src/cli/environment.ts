import type { Argv } from 'yargs';
import { UsageError } from './print.ts';

/** What yargs knows of the options that were declared; its types keep that to themselves. */
interface Declared {
  getOptions(): {
    readonly key: Readonly<Record<string, unknown>>;
    readonly alias: Readonly<Record<string, readonly string[]>>;
    readonly boolean: readonly string[];
    readonly hiddenOptions: readonly string[];
  };
}

/** click's texts for a flag. `click/types.py BoolParamType`. */
const FLAGS: Readonly<Record<string, boolean>> = Object.assign(Object.create(null) as Record<string, boolean>, {
  ...Object.fromEntries(['1', 'yes', 'true', 'on', 't', 'y'].map((text) => [text, true])),
  ...Object.fromEntries(['0', 'no', 'false', 'off', 'f', 'n'].map((text) => [text, false])),
});

/** `CELERY_APP` and `CELERY_RESULT_BACKEND` are read where the app and its settings are. The others are no options that hold a value. */
const NOT_READ: ReadonlySet<string> = new Set(['app', 'result-backend', 'help', 'version']);

/**
 * Options that come from the environment: `CELERY_<COMMAND>_<OPTION>`, for those of every command `CELERY_<OPTION>` too, as
 * click's `auto_envvar_prefix` makes them. The command line wins; an empty variable is none.
 */
export class Environment {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #words: readonly string[];
  /** The variable that each option came from. */
  readonly #used = new Map<string, string>();

  constructor(env: Readonly<Record<string, string | undefined>>, words: readonly string[]) {
    this.#env = env;
    this.#words = words;
  }

  /**
   * Gives a command's options their values from the environment. `spec` is the command as it is declared: `call <name>`, and
   * `common` what every command has. Throws `UsageError` for what is no flag.
   */
  fill<T>(parser: Argv<T>, spec: string, common: ReadonlySet<string>): Argv<T> {
    const { key, alias, boolean, hiddenOptions } = (parser as unknown as Declared).getOptions();
    const [command = ''] = spec.split(' ', 1);
    const operands = new Set([...spec.matchAll(/[<[](\w+)/g)].map(([, name]) => name));
    const given: Record<string, string | boolean> = {};
    for (const option of Object.keys(key)) {
      if (option.length === 1 || NOT_READ.has(option) || operands.has(option)) continue;
      // Python's own variables for what we lack are no mistake of whoever runs us.
      if (common.has(option) && hiddenOptions.includes(option)) continue;
      const names = common.has(option) ? [`${command}-${option}`, option] : [`${command}-${option}`];
      const variable = names.map(variableOf).find((name) => (this.#env[name] ?? '') !== '');
      if (variable === undefined || this.#isGiven([option, ...(alias[option] ?? [])])) continue;
      const value = this.#value(variable, boolean.includes(option));
      if (value === false && hiddenOptions.includes(option)) continue;
      given[option] = value;
      this.#used.set(option, variable);
    }
    return parser
      .config(given)
      .epilogue(`Options are also read from ${variableOf(command)}_<OPTION>, such as ${variableOf(`${command}-workdir`)}.`);
  }

  /** The error, in terms of the variable that a wrong value came from. */
  blame(error: unknown): unknown {
    if (this.#used.size === 0 || !(error instanceof Error)) return error;
    if (!(error instanceof UsageError) && error.name !== 'YError') return error;
    const hint = error instanceof UsageError ? error.hint : undefined;
    for (const [option, variable] of this.#used) {
      const named = new RegExp(`(--|Argument: )${option}(?![\\w-])`);
      if (named.test(error.message)) return new UsageError(error.message.replace(named, variable), hint);
    }
    return new UsageError(`${error.message} (options from the environment: ${[...this.#used.values()].join(', ')})`, hint);
  }

  #value(variable: string, isFlag: boolean): string | boolean {
    const text = this.#env[variable] ?? '';
    if (!isFlag) return text;
    const flag = FLAGS[text.trim().toLowerCase()];
    if (flag === undefined) throw new UsageError(`${variable} takes 1 or 0, yes or no, true or false, on or off, not '${text}'.`);
    return flag;
  }

  #isGiven(names: readonly string[]): boolean {
    const dashed = names.map((name) => `${name.length === 1 ? '-' : '--'}${name}`);
    const end = this.#words.indexOf('--');
    const words = end === -1 ? this.#words : this.#words.slice(0, end);
    return words.some((word) => dashed.some((name) => word === name || word.startsWith(`${name}=`)));
  }
}

/** Names of the options that a parser knows. */
export function optionNames(parser: Argv): readonly string[] {
  return Object.keys((parser as unknown as Declared).getOptions().key);
}

function variableOf(name: string): string {
  return `CELERY_${name.replaceAll('-', '_').toUpperCase()}`;
}
