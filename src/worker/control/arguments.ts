import { CommandError } from '../../control/panel.ts';

/** Arguments of a command as a peer sent them. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A text, or Python's error. */
export function textOf(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new CommandError('TypeError', `${name} must be a text`);
  return value;
}

/** A text that may be missing. */
export function optionalText(args: Arguments, name: string): string | undefined {
  return args[name] === undefined || args[name] === null ? undefined : textOf(args, name);
}

/** One text or many: ids of tasks. */
export function textsOf(args: Arguments, name: string): string[] {
  const value = args[name];
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!list.every((item): item is string => typeof item === 'string')) throw new CommandError('TypeError', `${name} must be texts`);
  return [...new Set(list)];
}

/** A whole number within bounds, or its default. */
export function wholeOf(args: Arguments, name: string, { fallback, most }: { readonly fallback: number; readonly most: number }): number {
  const value = args[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new CommandError('TypeError', `${name} must be a whole number`);
  if (value < 1 || value > most) throw new CommandError('ValueError', `${name} must be from 1 to ${most}`);
  return value;
}

/** Seconds above 0, or `undefined` for no limit. */
export function secondsOf(args: Arguments, name: string): number | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new CommandError('ValueError', `${name} must be seconds of 0 or more`);
  return value === 0 ? undefined : value;
}
