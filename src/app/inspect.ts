import { matchesNode } from '../control/select.ts';
import type { Control, ControlOptions, Reply } from './control.ts';

/** As of `app.control.broadcast`. */
export type InspectOptions = Omit<ControlOptions, 'reply' | 'arguments'>;

/** Answers by node name, or `undefined` when nobody has answered. */
export type ByNode = Readonly<Record<string, unknown>> | undefined;

/** Asks workers what they do: one method a command, each resolves to the answers by node name. `celery/app/control.py Inspect`. */
export class Inspect {
  readonly #control: Control;
  readonly #options: InspectOptions;

  constructor(control: Control, options: InspectOptions) {
    this.#control = control;
    this.#options = options;
  }

  /** Asks any command, also one of your own. Rejects as `Control.broadcast`. */
  async request(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<ByNode> {
    const replies = await this.#control.broadcast(command, { ...this.#options, arguments: args, reply: true });
    if (replies.length === 0) return undefined;
    const byNode = flattenReply(replies);
    const { pattern, matcher } = this.#options;
    if (pattern === undefined || matcher === undefined) return byNode;
    return Object.fromEntries(Object.entries(byNode).filter(([node]) => matchesNode(node, pattern, matcher)));
  }

  active({ safe }: { readonly safe?: boolean } = {}): Promise<ByNode> {
    return this.request('active', { safe: safe ?? null });
  }

  activeQueues(): Promise<ByNode> {
    return this.request('active_queues');
  }

  clock(): Promise<ByNode> {
    return this.request('clock');
  }

  conf({ withDefaults = false }: { readonly withDefaults?: boolean } = {}): Promise<ByNode> {
    return this.request('conf', { with_defaults: withDefaults });
  }

  hello(fromNode: string, revoked: readonly string[] = []): Promise<ByNode> {
    return this.request('hello', { from_node: fromNode, revoked });
  }

  memdump(samples = 10): Promise<ByNode> {
    return this.request('memdump', { samples });
  }

  memsample(): Promise<ByNode> {
    return this.request('memsample');
  }

  objgraph({
    type = 'Request',
    n = 200,
    maxDepth = 10,
  }: { readonly type?: string; readonly n?: number; readonly maxDepth?: number } = {}): Promise<ByNode> {
    return this.request('objgraph', { num: n, max_depth: maxDepth, type });
  }

  ping(): Promise<ByNode> {
    return this.request('ping');
  }

  queryTask(...ids: readonly string[]): Promise<ByNode> {
    return this.request('query_task', { ids });
  }

  registered(...taskInfoItems: readonly string[]): Promise<ByNode> {
    return this.request('registered', { taskinfoitems: taskInfoItems });
  }

  report(): Promise<ByNode> {
    return this.request('report');
  }

  reserved(): Promise<ByNode> {
    return this.request('reserved');
  }

  revoked(): Promise<ByNode> {
    return this.request('revoked');
  }

  scheduled(): Promise<ByNode> {
    return this.request('scheduled');
  }

  stats(): Promise<ByNode> {
    return this.request('stats');
  }
}

/** One object by node name out of many; of two nodes with one name the later answer stays. */
export function flattenReply(replies: readonly Reply[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(replies.flatMap((reply) => Object.entries(reply)));
}
