/** A server that a test may use. `stop` ends it only when this process started it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly origin: 'environment' | 'container' | 'binary';
  stop(): Promise<void>;
}

/** Builds a {@link Server} whose `stop` runs once. */
export function serverOf(url: string, origin: Server['origin'], end: () => Promise<void>): Server {
  let ended: Promise<void> | undefined;
  const stop = (): Promise<void> => (ended ??= end());
  return { url, origin, stop, [Symbol.asyncDispose]: stop };
}

/** A server somebody else runs. */
export function serverAt(url: string): Server {
  return serverOf(url, 'environment', () => Promise.resolve());
}
