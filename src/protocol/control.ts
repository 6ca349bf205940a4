/** Where the answer to a control request goes. */
export interface ReplyTo {
  readonly exchange: string;
  readonly routingKey: string;
}

/** A remote control request. `kombu/pidbox.py`. */
export interface ControlRequest {
  readonly method: string;
  /** `undefined` when a peer sent something that is no object: nothing can be called with it. */
  readonly arguments: Readonly<Record<string, unknown>> | undefined;
  /** Node names. Python takes a bare text too, and then looks for the name anywhere in it. */
  readonly destination: readonly unknown[] | string | undefined;
  readonly pattern: string | undefined;
  readonly matcher: string | undefined;
  readonly ticket: string | undefined;
  /** `undefined`: nobody waits for an answer. */
  readonly replyTo: ReplyTo | undefined;
}

/** The body of a request as kombu writes it. */
export function encodeControlRequest(request: ControlRequest): Record<string, unknown> {
  const { method, destination, pattern, matcher, ticket, replyTo } = request;
  return {
    method,
    arguments: request.arguments ?? {},
    destination: destination ?? null,
    pattern: pattern ?? null,
    matcher: matcher ?? null,
    ...(ticket === undefined || replyTo === undefined
      ? undefined
      : { ticket, reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey } }),
  };
}

/** A request, or why it is none. */
export type DecodedControl =
  | { readonly kind: 'request'; readonly request: ControlRequest }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Reads the body of a control message, whoever sent it. Total: never throws. */
export function decodeControlRequest(body: unknown): DecodedControl {
  if (!isObject(body)) return invalid('the body is no object');
  const { method, destination, pattern, matcher, ticket, reply_to: replyTo } = body as Fields;
  if (typeof method !== 'string') return invalid('there is no method');
  const chosen = readDestination(destination);
  if (chosen === null) return invalid('the destination is no list of node names');
  if (!isTextOrNothing(pattern) || !isTextOrNothing(matcher)) return invalid('pattern and matcher must be texts');
  const answerTo = readReplyTo(replyTo);
  if (answerTo === null) return invalid('reply_to names no exchange and routing key');
  return {
    kind: 'request',
    request: {
      method,
      arguments: readArguments(body['arguments']),
      destination: chosen,
      pattern: pattern ?? undefined,
      matcher: matcher ?? undefined,
      ticket: typeof ticket === 'string' ? ticket : undefined,
      replyTo: answerTo,
    },
  };
}

/** The answers by node name in one reply, or `undefined` for what is no reply. */
export function decodeControlReply(body: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(body) ? body : undefined;
}

interface Fields {
  readonly method?: unknown;
  readonly destination?: unknown;
  readonly pattern?: unknown;
  readonly matcher?: unknown;
  readonly ticket?: unknown;
  readonly reply_to?: unknown;
}

function invalid(reason: string): DecodedControl {
  return { kind: 'invalid', reason };
}

/** As Python's truth: what is empty addresses everybody. `null` is what cannot be read. */
function readDestination(value: unknown): readonly unknown[] | string | undefined | null {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  return typeof value === 'string' ? value : null;
}

function readArguments(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) return {};
  return isObject(value) ? value : undefined;
}

function readReplyTo(value: unknown): ReplyTo | undefined | null {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) return null;
  const { exchange, routing_key: routingKey } = value as { readonly exchange?: unknown; readonly routing_key?: unknown };
  return typeof exchange === 'string' && typeof routingKey === 'string' ? { exchange, routingKey } : null;
}

function isTextOrNothing(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
