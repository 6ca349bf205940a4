import type { PythonVerdict } from '../protocol/python/verdict.ts';

/** What `decode` found; with `--json` it is printed as it is. Values are kombu's JSON, typed ones as `{"__type__", "__value__"}`. */
export interface Report {
  readonly form: string;
  /** What could not be read, and why. */
  readonly unreadable?: string;
  readonly exchange?: string;
  readonly routing_key?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** What headers, or fields of a protocol-1 body, mean. */
  readonly notes?: Readonly<Record<string, string>>;
  readonly body_bytes?: number;
  readonly protocol?: 1 | 2 | 'none';
  readonly task?: string;
  readonly id?: string;
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly embed?: unknown;
  /** The body, where it is no task's; text where it is no value. */
  readonly body?: unknown;
  /** Places of values that are more than JSON. */
  readonly typed?: Readonly<Record<string, string>>;
  readonly signature?: SignatureReport;
  /** A stored result. */
  readonly result?: unknown;
  readonly compression?: string;
  readonly python?: Readonly<Record<string, PythonVerdict | string>>;
  readonly tq_bridge?: PythonVerdict | string;
}

/** A signed body. */
export interface SignatureReport {
  readonly signer: string;
  /** Which releases write it so. */
  readonly layout: '5.5+' | '5.2-5.4';
  /** The content type that was signed along, where the layout shows it. */
  readonly content_type?: string;
  /** `null` without certificates to check it by: `-A` names an app that has them. */
  readonly valid: boolean | null;
  readonly why?: string;
}
