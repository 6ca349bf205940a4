/** One broker or backend URL, taken apart. `password` never leaves the driver that logs in. */
export interface BrokerUrl {
  /** `amqp`, `amqps`, `redis`, `filesystem`, `memory`, … as written, lower case. */
  readonly scheme: string;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Percent-decoded, without the leading slash; kombu's `virtual_host`. A `//` at the end of an amqp URL means `/`. */
  readonly virtualHost: string;
  readonly query: ReadonlyMap<string, string>;
  /** The URL with its password (and password-like query values) shown as `**`: the only form that may be printed. */
  readonly masked: string;
}
