/** What remote control reaches in parts that not every worker has: a command without one says that it cannot. */
export interface WorkerHooks {
  /** Events: what each answers is the answer to the command. */
  events?: {
    enable(): unknown;
    disable(): unknown;
    heartbeat(): unknown;
    /** Sends a worker event. */
    send(type: string, fields: Readonly<Record<string, unknown>>): void;
  };
  gossip?: {
    election(id: string, topic: string, action: unknown): void;
  };
}
