import { EncodeError } from '../base/errors.ts';
import { writeJson } from '../message/serializers/json-write.ts';
import type { Ending, PythonVerdict } from '../protocol/python/verdict.ts';
import { indentJson } from './indent-json.ts';
import type { Report } from './report.ts';

const FORMS: Readonly<Record<string, string>> = {
  envelope: 'kombu envelope',
  amqp: 'AMQP message',
  body: 'message body',
  result: 'stored result',
};

/** The report for people: sections of Celery's words, one fact a line, control characters escaped. */
export function reportText(report: Report): string {
  const { exchange, routing_key: key, body_bytes: size, compression } = report;
  const facts = [
    ...(exchange === undefined ? [] : [`to exchange '${exchange}'`, `key '${String(key)}'`]),
    ...(size === undefined ? [] : [`${size} bytes`]),
    ...(compression === undefined ? [] : [`compressed: ${compression}`]),
    ...(report.protocol === undefined ? [] : [report.protocol === 'none' ? 'no task' : `task protocol ${report.protocol}`]),
  ];
  return [
    `${FORMS[report.form] ?? report.form}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`,
    ...(report.task === undefined ? [] : [`task ${line(report.task)}[${line(report.id ?? '?')}]`]),
    ...(report.unreadable === undefined ? [] : [`unreadable: ${line(report.unreadable)}`]),
    ...section('properties', report.properties, report.notes),
    ...section('headers', report.headers, report.notes),
    ...whole(report),
    ...section('typed values', report.typed),
    ...section('signature', report.signature === undefined ? undefined : { ...report.signature }),
    '',
    ...verdicts(report),
  ].join('\n');
}

/** The report for machines: one line of JSON. A part that JSON cannot carry is text that says why. */
export function reportJson(report: Report): string {
  return `{${Object.entries(report)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${part(value)}`)
    .join(',')}}`;
}

function part(value: unknown): string {
  try {
    return writeJson(value);
  } catch (error) {
    if (error instanceof EncodeError) return JSON.stringify(`(no JSON: ${error.message})`);
    throw error;
  }
}

function section(
  title: string,
  fields: Readonly<Record<string, unknown>> | undefined,
  notes: Readonly<Record<string, string>> = {},
): string[] {
  const names = Object.keys(fields ?? {});
  if (fields === undefined || names.length === 0) return [];
  const width = Math.min(24, Math.max(...names.map((name) => name.length)));
  const lines = names.map((name) => {
    const note = Object.hasOwn(notes, name) ? `  # ${line(notes[name] ?? '')}` : '';
    return `  ${line(name).padEnd(width)}  ${json(fields[name])}${note}`;
  });
  return ['', title, ...lines];
}

function whole({ args, kwargs, embed, body, result, notes, headers }: Report): string[] {
  const blocks = Object.entries({ args, kwargs, embed, body, result }).filter(([, value]) => value !== undefined);
  const inBody = Object.entries(notes ?? {}).filter(([name]) => !Object.hasOwn(headers ?? {}, name) && name !== 'expiration');
  return [
    ...blocks.flatMap(([name, value]) => ['', name, indent(indentJson(json(value)))]),
    ...section('fields of the body', inBody.length === 0 ? undefined : Object.fromEntries(inBody)),
  ];
}

function verdicts({ python = {}, tq_bridge: ours }: Report): string[] {
  const releases = Object.entries(python);
  const same = releases.every(([, verdict]) => JSON.stringify(verdict) === JSON.stringify(releases[0]?.[1]));
  const rows =
    same && releases[0] !== undefined
      ? [['Python 5.6, 5.7', releases[0][1]] as const]
      : releases.map(([release, verdict]) => [`Python ${release}`, verdict] as const);
  const all = ours === undefined ? rows : [...rows, ['tq-bridge', ours] as const];
  return all.map(([who, verdict]) => `${who.padEnd(15)}  ${sentence(verdict)}`);
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  runs: 'runs it',
  held: 'holds it',
  revoked: 'discards it as revoked (ack)',
  fails: 'fails it without running it (ack)',
  rejected: 'rejects it without requeue',
  acked: 'acks and drops it',
  'crash-loop': 'CRASHES, and so does each worker that gets it next',
  crash: 'CRASHES; the message is gone',
  lost: 'takes it for a lost connection and drops it',
};

function sentence(verdict: PythonVerdict | string): string {
  if (typeof verdict === 'string') return line(verdict);
  const stored =
    verdict.stored === 'outcome' ? 'stores the outcome' : verdict.stored === 'nothing' ? 'stores nothing' : `stores ${verdict.stored}`;
  return `${ENDINGS[verdict.ending]}, ${stored}${verdict.why === '' ? '' : `: ${line(verdict.why)}`}`;
}

/** A value on one line; a terminal must not obey what a message holds. */
function json(value: unknown): string {
  return line(part(value));
}

function line(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
