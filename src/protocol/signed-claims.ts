import { utf8Encode } from '../base/bytes.ts';
import { EncodeError, SecurityError } from '../base/errors.ts';
import type { EpochMs } from '../base/host.ts';
import { parseIso8601 } from '../base/iso8601.ts';

/** What a strict sender says about its message inside the signed body. `docs/security.md` has the whole format. */
export interface SignedClaims {
  readonly v: 1;
  /** When it was signed. */
  readonly at: EpochMs;
  /** Unlike any other message's, a retry of the same task included. */
  readonly nonce: string;
  /** SHA-256 in hexadecimal of the headers and properties that the signature alone would leave open. */
  readonly bound: string;
}

/** The claims of a message that proved to be as it was signed. */
export interface AdmittedClaims {
  readonly nonce: string;
  readonly at: EpochMs;
  /** The later of signing and ETA: from then on the message is expected. */
  readonly due: EpochMs;
}

/** The parts of a message that claims bind. */
export interface Claimed {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: { readonly correlationId?: string; readonly replyTo?: string };
}

/** SHA-256 in hexadecimal; the pure rooms have none of their own. */
export type Sha256 = (bytes: Uint8Array) => string;

/** Where claims stand in the embed, beside callbacks and chain: Celery keeps unknown keys there and makes nothing of them. */
export const CLAIMS_KEY = 'tq_signed';

const LONGEST_NONCE = 100;
const DEEPEST = 100;

/** A protocol-2 body with the claims of its message in the embed. Throws `EncodeError` for a header that cannot be bound. */
export function withClaims(
  body: unknown,
  claimed: Claimed,
  stamp: { readonly at: EpochMs; readonly nonce: string; readonly sha256: Sha256 },
): unknown {
  const [args, kwargs, embed] = body as readonly [unknown, unknown, Readonly<Record<string, unknown>>];
  const bound = stamp.sha256(boundBytes(claimed));
  const claims: SignedClaims = { v: 1, at: stamp.at, nonce: stamp.nonce, bound };
  return [args, kwargs, { ...embed, [CLAIMS_KEY]: claims }];
}

/** Reads the claims of a verified body and holds its message to them. Throws `SecurityError`. */
export function checkClaims(body: unknown, claimed: Claimed, sha256: Sha256): AdmittedClaims {
  const claims = readClaims(body);
  if (claims === undefined) throw new SecurityError('a strictly signed task carries claims; this one has none');
  let bound: string;
  try {
    bound = sha256(boundBytes(claimed));
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    throw new SecurityError(`its headers are not those that were signed: ${error.message}`, { cause: error });
  }
  if (bound !== claims.bound) throw new SecurityError('its headers are not those that were signed');
  const { eta } = claimed.headers;
  const etaMs = typeof eta === 'string' ? parseIso8601(eta)?.epochMs : undefined;
  return { nonce: claims.nonce, at: claims.at, due: Math.max(claims.at, etaMs ?? claims.at) };
}

function readClaims(body: unknown): SignedClaims | undefined {
  const embed: unknown = Array.isArray(body) && body.length === 3 ? body[2] : undefined;
  const claims = isObject(embed) && Object.hasOwn(embed, CLAIMS_KEY) ? embed[CLAIMS_KEY] : undefined;
  if (!isObject(claims)) return undefined;
  const { v, at, nonce, bound } = claims as { readonly [key in keyof SignedClaims]?: unknown };
  if (v !== 1 || typeof at !== 'number' || !Number.isFinite(at)) return undefined;
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > LONGEST_NONCE || typeof bound !== 'string') return undefined;
  return { v, at, nonce, bound };
}

/** What is hashed: JSON of headers, correlation id and reply queue with sorted keys, so that each message has one text. */
function boundBytes({ headers, properties }: Claimed): Uint8Array {
  const own: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(headers)) if (!isPassing(name)) own[name] = headers[name];
  const { correlationId, replyTo } = properties;
  return utf8Encode(canonicalJson({ headers: own, correlation_id: correlationId ?? null, reply_to: replyTo ?? null }, '', 0));
}

/** Headers that a broker, or kombu in a broker's place, adds, and one that is set after signing. */
function isPassing(name: string): boolean {
  return name === 'compression' || name === 'redelivered' || /^x-(death|(first|last)-death-|delivery-count$|acquired-count$)/.test(name);
}

function canonicalJson(value: unknown, path: string, depth: number): string {
  if (depth > DEEPEST) throw new EncodeError(`${path}: too deep to be bound to a signature`);
  switch (typeof value) {
    case 'string':
      // A lone surrogate does not survive every broker.
      if (/[\ud800-\udfff]/u.test(value)) break;
      return JSON.stringify(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) break;
      // The same digits whether a transport brings a number or a bigint.
      return Number.isInteger(value) ? BigInt(value).toString() : String(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item, index) => canonicalJson(item, `${path}[${index}]`, depth + 1)).join(',')}]`;
      if (isObject(value)) return canonicalObject(value, path, depth);
      break;
    default:
  }
  throw new EncodeError(
    `${path}: a strictly signed header is null, a boolean, a finite number, well-formed text, or an array or plain object of them`,
  );
}

function canonicalObject(value: Readonly<Record<string, unknown>>, path: string, depth: number): string {
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  const members = names.toSorted().map((name) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return `${canonicalJson(name, inner, depth + 1)}:${canonicalJson(value[name], inner, depth + 1)}`;
  });
  return `{${members.join(',')}}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
