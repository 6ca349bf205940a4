/** The AMQP basic properties that kombu sets. Absent means: not on the wire. */
export interface MessageProperties {
  readonly deliveryMode?: 1 | 2;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** A string of whole milliseconds. */
  readonly expiration?: string;
}

/** Headers as plain values: string, number, bigint, boolean, null, arrays and plain objects. Transports choose the wire tags. */
export type Headers = Readonly<Record<string, unknown>>;

/** One broker message: opaque bytes plus the kombu properties that describe them. */
export interface Message {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly headers: Headers;
  readonly properties: MessageProperties;
}
