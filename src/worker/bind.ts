/** The declared parameters of a task, taken apart once. */
export interface Parameters {
  /** Those that may be given by position, in order. */
  readonly names: readonly string[];
  /** How many of `names` must be given. */
  readonly required: number;
  /** Those after `*` or `*args`: by keyword only. */
  readonly keywordOnly: readonly string[];
  readonly requiredKeywords: readonly string[];
  readonly varArgs: boolean;
  readonly varKwargs: boolean;
}

/** Python's TypeError for arguments that do not fit. */
export class ArgumentError extends TypeError {
  override readonly name = 'TypeError';
}

type Kwargs = Readonly<Record<string, unknown>>;

/**
 * Reads `params`: a name, `name?` for one that may be missing, `*args`, `*` before names that come by keyword only,
 * `**kwargs`. Throws `TypeError` for anything else.
 */
export function readParameters(task: string, params: readonly string[]): Parameters {
  const names: string[] = [];
  const keywordOnly: string[] = [];
  const requiredKeywords: string[] = [];
  let required = 0;
  let star: string | undefined;
  let varKwargs = false;
  for (const param of params) {
    const match = /^(\*{0,2})([\p{L}_$][\p{L}\p{N}_$]*)?(\??)$/u.exec(param);
    const [, stars = '', name = '', optional = ''] = match ?? [];
    if (match === null || varKwargs || (name === '' && param !== '*') || (stars === '*' && star !== undefined))
      throw new TypeError(`${task}: '${param}' is not a parameter here: write name, name?, * or *args once, and **kwargs last`);
    if (names.includes(name) || keywordOnly.includes(name)) throw new TypeError(`${task}: '${param}' is declared twice`);
    if (stars === '**') varKwargs = true;
    else if (stars === '*') star = param;
    else if (star !== undefined) {
      keywordOnly.push(name);
      if (optional === '') requiredKeywords.push(name);
    } else {
      if (optional === '' && required < names.length)
        throw new TypeError(`${task}: '${param}' is required, so it cannot follow an optional parameter`);
      names.push(name);
      if (optional === '') required += 1;
    }
  }
  return { names, required, keywordOnly, requiredKeywords, varArgs: star !== undefined && star !== '*', varKwargs };
}

/**
 * Arguments in declared order, bound as Python binds them: keyword-only parameters follow the others, then `*args` are
 * spread, and `**kwargs` come last as one object. Throws `ArgumentError` worded as Python words it, for a function called
 * as the last part of the task's name.
 */
export function bindArguments(
  task: string,
  parameters: Parameters | undefined,
  args: readonly unknown[],
  kwargs: Kwargs,
): readonly unknown[] {
  if (parameters === undefined) return bindPositional(task, args, kwargs);
  return fitsAsItIs(parameters, args, kwargs) ? args : bind(functionName(task), parameters, args, kwargs);
}

/** Most calls: every parameter by position, nothing to rearrange. */
function fitsAsItIs({ names, required, keywordOnly, varArgs, varKwargs }: Parameters, args: readonly unknown[], kwargs: Kwargs): boolean {
  if (varArgs || varKwargs || keywordOnly.length > 0 || args.length < required || args.length > names.length) return false;
  for (const _key in kwargs) return false;
  return true;
}

/** In the order in which Python finds faults: keywords, then too many positions, then what is missing. */
function bind(name: string, parameters: Parameters, args: readonly unknown[], kwargs: Kwargs): readonly unknown[] {
  const { names, keywordOnly, varArgs, varKwargs } = parameters;
  const slots = [...names, ...keywordOnly];
  const bound: unknown[] = args.slice(0, names.length);
  const given = new Set(names.slice(0, args.length));
  const rest: Record<string, unknown> = {};
  for (const key of Object.keys(kwargs)) {
    const index = slots.indexOf(key);
    if (given.has(key)) throw new ArgumentError(`${name} got multiple values for argument '${key}'`);
    if (index >= 0) {
      bound[index] = kwargs[key];
      given.add(key);
    } else if (varKwargs) Object.defineProperty(rest, key, { value: kwargs[key], enumerable: true, configurable: true, writable: true });
    else throw new ArgumentError(`${name} got an unexpected keyword argument '${key}'`);
  }
  if (args.length > names.length && !varArgs) throw new ArgumentError(tooMany(name, parameters, args.length, given));
  requireAll(name, 'positional', names.slice(0, parameters.required), given);
  requireAll(name, 'keyword-only', parameters.requiredKeywords, given);
  if (varArgs || varKwargs) bound.length = slots.length;
  if (varArgs) bound.push(...args.slice(names.length));
  if (varKwargs) bound.push(rest);
  return bound;
}

function bindPositional(task: string, args: readonly unknown[], kwargs: Kwargs): readonly unknown[] {
  for (const key in kwargs) {
    throw new ArgumentError(
      `${functionName(task)} got an unexpected keyword argument '${key}': declare it, as in app.task('${task}', { params: ['${key}'] }, …)`,
    );
  }
  return args;
}

function functionName(task: string): string {
  return `${task.slice(task.lastIndexOf('.') + 1)}()`;
}

function requireAll(name: string, kind: string, needed: readonly string[], given: ReadonlySet<string>): void {
  const missing = needed.filter((parameter) => !given.has(parameter));
  if (missing.length === 0) return;
  const quoted = missing.map((parameter) => `'${parameter}'`);
  const listed = quoted.length < 3 ? quoted.join(' and ') : `${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}`;
  throw new ArgumentError(`${name} missing ${missing.length} required ${kind} ${plural('argument', missing.length)}: ${listed}`);
}

function tooMany(name: string, { names, required, keywordOnly }: Parameters, count: number, given: ReadonlySet<string>): string {
  const exact = required === names.length;
  const takes = exact ? String(names.length) : `from ${required} to ${names.length}`;
  const keywords = keywordOnly.filter((parameter) => given.has(parameter)).length;
  const also =
    keywords === 0 ? '' : ` positional ${plural('argument', count)} (and ${keywords} keyword-only ${plural('argument', keywords)})`;
  const were = count === 1 && keywords === 0 ? 'was' : 'were';
  return `${name} takes ${takes} positional ${plural('argument', exact ? names.length : 2)} but ${count}${also} ${were} given`;
}

function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}
