/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** What the outside world lends the pure rooms: time and identity. Nobody reads the clock or makes an id except through it. */
export interface Host {
  now(): EpochMs;
  uuid(): string;
  readonly hostname: string;
  readonly pid: number;
}
