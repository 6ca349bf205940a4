/** A worker event as a peer sent it: nothing about it is certain. */
export type HeardEvent = Readonly<Record<string, unknown>>;

/** What gossip needs. */
export interface GossipParts {
  /** This node, and `node.pid` as elections know it. */
  readonly hostname: string;
  readonly pid: number;
  readonly now: () => number;
  readonly send: (type: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Does something in a while. */
  readonly later: (work: () => void) => void;
  /** Runs what an election of this topic is about; only the elected node does. */
  readonly elected: (topic: string, action: unknown) => void;
  readonly log: (level: 'debug' | 'info' | 'error', text: string) => void;
}

interface Candidate {
  readonly clock: number;
  readonly node: string;
  readonly topic: string;
  readonly action: unknown;
}

interface Election {
  readonly candidates: Candidate[];
  acks: number;
  /** Whether this node takes part: only then does it count. */
  held: boolean;
}

/** A node is alive this many heartbeats long. `celery/events/state.py HEARTBEAT_EXPIRE_WINDOW`. */
const WINDOW = 2;
const DEFAULT_FREQ = 60;

/** Nodes and elections that are remembered, whatever strangers send. */
const MOST_NODES = 10_000;
const MOST_ELECTIONS = 1000;
const MOST_CANDIDATES = 10_000;

/**
 * What a worker learns from the events of the others: who is alive, and who is elected to do something once.
 * `celery/worker/consumer/gossip.py`.
 */
export class Gossip {
  readonly #parts: GossipParts;
  /** Until when each other node is alive. */
  readonly #nodes = new Map<string, number>();
  readonly #elections = new Map<string, Election>();

  constructor(parts: GossipParts) {
    this.#parts = parts;
  }

  /** Names of the other nodes that are alive. */
  alive(): string[] {
    const now = this.#parts.now();
    return [...this.#nodes].filter(([, until]) => until > now).map(([node]) => node);
  }

  /** Hears one event; `hostname` is what its message says where it does not. Never throws. */
  hear(event: HeardEvent): void {
    const { type, hostname } = event as { readonly type?: unknown; readonly hostname?: unknown };
    if (typeof type !== 'string' || typeof hostname !== 'string') return;
    if (type === 'worker-elect') this.#onElect(hostname, event);
    else if (type === 'worker-elect-ack') this.#onAck(event);
    else if (hostname !== this.#parts.hostname) this.#onLife(type, hostname, event);
  }

  /** Stands for election, because somebody asked all nodes to. */
  election(id: string, topic: string, action: unknown): void {
    const election = this.#electionOf(id);
    election.held = true;
    this.#parts.send('worker-elect', { id, topic, action, cver: 1 });
  }

  /** Forgets nodes that have been silent for too long; every few seconds. */
  forgetSilent(): void {
    const now = this.#parts.now();
    for (const [node, until] of this.#nodes) {
      if (until > now) continue;
      this.#nodes.delete(node);
      this.#parts.log('info', `missed heartbeat from ${node.slice(0, 256)}`);
    }
  }

  #onLife(type: string, hostname: string, { freq }: { readonly freq?: unknown }): void {
    const { log, now } = this.#parts;
    const known = this.#nodes.has(hostname);
    if (type === 'worker-offline') {
      if (this.#nodes.delete(hostname)) log('debug', `${hostname.slice(0, 256)} left`);
      return;
    }
    if (!known && this.#nodes.size >= MOST_NODES) return;
    const seconds = typeof freq === 'number' && freq > 0 && freq < 86_400 ? freq : DEFAULT_FREQ;
    this.#nodes.set(hostname, now() + seconds * WINDOW * 1000);
    if (!known) log('debug', `${hostname.slice(0, 256)} joined the party`);
  }

  #onElect(hostname: string, event: HeardEvent): void {
    const { id, clock, pid, topic, action = null } = event as { readonly [key in 'id' | 'clock' | 'pid' | 'topic' | 'action']?: unknown };
    if (typeof id !== 'string' || typeof clock !== 'number' || typeof topic !== 'string') {
      return this.#parts.log('error', `election request of ${hostname.slice(0, 256)} lacks a field`);
    }
    const { candidates } = this.#electionOf(id);
    if (candidates.length < MOST_CANDIDATES) candidates.push({ clock, node: `${hostname}.${String(pid)}`, topic, action });
    // A node that is alive and does not answer stalls the election of the others. An ack that overtakes a candidate ends a
    // Python worker that counts it: ours wait until all candidates have been heard.
    this.#parts.later(() => this.#parts.send('worker-elect-ack', { id }));
  }

  #onAck({ id }: { readonly id?: unknown }): void {
    const election = typeof id === 'string' ? this.#elections.get(id) : undefined;
    if (election === undefined || typeof id !== 'string' || !election.held) return;
    election.acks += 1;
    if (election.acks < this.alive().length) return;
    const [leader] = election.candidates.toSorted((left, right) => left.clock - right.clock || (left.node < right.node ? -1 : 1));
    // Acks may overtake the candidates they are about.
    if (leader === undefined) return;
    this.#elections.delete(id);
    const { hostname, pid, log, elected } = this.#parts;
    if (leader.node !== `${hostname}.${pid}`) return log('info', `node ${leader.node.slice(0, 256)} elected for '${id.slice(0, 256)}'`);
    log('info', `I won the election '${id.slice(0, 256)}'`);
    elected(leader.topic, leader.action);
  }

  #electionOf(id: string): Election {
    const known = this.#elections.get(id);
    if (known !== undefined) return known;
    const [oldest] = this.#elections.keys();
    if (oldest !== undefined && this.#elections.size >= MOST_ELECTIONS) this.#elections.delete(oldest);
    const election = { candidates: [], acks: 0, held: false };
    this.#elections.set(id, election);
    return election;
  }
}
