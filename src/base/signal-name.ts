/** A signal of the operating system, such as `SIGTERM`. Node's own type for it would ask every consumer for Node's types. */
export type SignalName = `SIG${string}`;
