import type { Reply } from '../app/control.ts';
import { saferepr } from '../protocol/saferepr.ts';
import { indentJson } from './indent-json.ts';
import { formatValue } from './print.ts';

/** Text of a peer's as a terminal may see it: nothing that moves its cursor. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** One answer as `celery inspect` prints it: `->  node: OK` and what it said. `celery/bin/base.py CLIContext`. */
export function prettyReply(reply: Reply, { quiet, showBody }: { readonly quiet: boolean; readonly showBody: boolean }): string {
  const [[node, answer] = ['?', null]] = Object.entries(reply);
  const [status, body] = pretty(answer);
  const title = `${quiet ? '' : '-> '} ${node}: ${status}`;
  const shown = showBody && body !== '' ? `${title}\n${indented(body)}` : title;
  return shown.replaceAll(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function pretty(answer: unknown): readonly [status: 'OK' | 'ERROR', body: string] {
  if (Array.isArray(answer)) return ['OK', answer.length === 0 ? '- empty -' : answer.map((item) => `* ${printed(item)}`).join('\n')];
  if (typeof answer === 'object' && answer !== null) {
    if ('ok' in answer) return ['OK', indented(pretty(answer.ok)[1])];
    if ('error' in answer) return ['ERROR', indented(pretty(answer.error)[1])];
    return ['OK', indentJson(formatValue(sorted(answer), true), '    ')];
  }
  return ['OK', printed(answer)];
}

const LIMITS = { maxLength: 1_000_000, maxLevels: 20 };

/** As Python prints it; a text bare. */
function printed(value: unknown): string {
  return typeof value === 'string' ? value : saferepr(value, LIMITS);
}

/** Objects with their keys in order; values of types of their own stay what they are. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
