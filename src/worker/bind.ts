/** The declared parameters of a task, taken apart once. */
export interface Parameters {
  readonly names: readonly string[];
  readonly required: number;
  readonly varArgs: boolean;
  readonly varKwargs: boolean;
}

/** Python's TypeError for arguments that do not fit. */
export class ArgumentError extends TypeError {
  override readonly name = 'TypeError';
}

/** Reads `params`: a name, `name?` for one that may be missing, `*args`, `**kwargs`. Throws `TypeError` for anything else. */
export function readParameters(task: string, params: readonly string[]): Parameters {
  const names: string[] = [];
  let required = 0;
  let varArgs = false;
  let varKwargs = false;
  for (const param of params) {
    const match = /^(\*{0,2})([\p{L}_$][\p{L}\p{N}_$]*)(\??)$/u.exec(param);
    if (match === null || varKwargs)
      throw new TypeError(`${task}: '${param}' is not a parameter: write name, name?, *args or **kwargs, the last one last`);
    const [, stars, name = '', optional] = match;
    if (stars === '**') varKwargs = true;
    else if (stars === '*') varArgs = true;
    else if (varArgs) throw new TypeError(`${task}: '${param}' cannot follow *args`);
    else {
      if (optional === '' && required < names.length)
        throw new TypeError(`${task}: '${param}' is required, so it cannot follow an optional parameter`);
      names.push(name);
      if (optional === '') required += 1;
    }
  }
  return { names, required, varArgs, varKwargs };
}

/**
 * Arguments in declared order, bound as Python binds them; `*args` are spread last, `**kwargs` come as one object after them.
 * Throws `ArgumentError` worded as Python words it.
 */
export function bindArguments(
  task: string,
  parameters: Parameters | undefined,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  if (parameters === undefined) return bindPositional(task, args, kwargs);
  const { names, varArgs, varKwargs } = parameters;
  const name = `${task.slice(task.lastIndexOf('.') + 1)}()`;
  if (args.length > names.length && !varArgs) throw new ArgumentError(tooMany(name, parameters, args.length));
  const bound: unknown[] = args.slice(0, names.length);
  const given = new Set(names.slice(0, args.length));
  const rest: Record<string, unknown> = {};
  for (const key of Object.keys(kwargs)) {
    const index = names.indexOf(key);
    if (given.has(key)) throw new ArgumentError(`${name} got multiple values for argument '${key}'`);
    if (index >= 0) {
      bound[index] = kwargs[key];
      given.add(key);
    } else if (varKwargs) Object.defineProperty(rest, key, { value: kwargs[key], enumerable: true, configurable: true, writable: true });
    else throw new ArgumentError(`${name} got an unexpected keyword argument '${key}'`);
  }
  requireAll(name, parameters, given);
  if (varArgs || varKwargs) bound.length = Math.max(bound.length, names.length);
  if (varArgs) bound.push(...args.slice(names.length));
  if (varKwargs) bound.push(rest);
  return bound;
}

function bindPositional(task: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): readonly unknown[] {
  for (const key in kwargs) {
    throw new ArgumentError(
      `${task.slice(task.lastIndexOf('.') + 1)}() got an unexpected keyword argument '${key}': declare it, as in app.task('${task}', { params: ['${key}'] }, …)`,
    );
  }
  return args;
}

function requireAll(name: string, { names, required }: Parameters, given: ReadonlySet<string>): void {
  const missing = names.slice(0, required).filter((parameter) => !given.has(parameter));
  if (missing.length === 0) return;
  const quoted = missing.map((parameter) => `'${parameter}'`);
  const listed = quoted.length < 3 ? quoted.join(' and ') : `${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}`;
  throw new ArgumentError(`${name} missing ${missing.length} required positional argument${missing.length === 1 ? '' : 's'}: ${listed}`);
}

function tooMany(name: string, { names, required }: Parameters, given: number): string {
  const takes = required === names.length ? String(names.length) : `from ${required} to ${names.length}`;
  return `${name} takes ${takes} positional argument${takes === '1' ? '' : 's'} but ${given} ${given === 1 ? 'was' : 'were'} given`;
}
