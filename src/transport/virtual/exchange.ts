import { globWords } from '../../routing/topic.ts';
import type { Exchange } from '../../routing/queue.ts';

/** One row of a routing table, as kombu keeps it: key, stored pattern, queue. */
export interface Binding {
  readonly routingKey: string;
  /** A Python regular expression for topic bindings, else empty. */
  readonly pattern: string;
  readonly queue: string;
}

/** The pattern kombu 5.7 stores for a topic binding. `kombu/transport/virtual/exchange.py TopicExchange`. */
export function storedPattern(type: Exchange['type'], routingKey: string): string {
  if (type !== 'topic') return '';
  const words = routingKey.split('.').map((word) => (word === '*' ? '[^\\.]+' : word === '#' ? '.*?' : escape(word)));
  return `^${words.join('\\.')}$`;
}

/** Queues a message with this key goes to. Topic rows are matched by their binding key, so no stored expression is ever run. */
export function boundQueues(type: Exchange['type'], bindings: readonly Binding[], routingKey: string): string[] {
  const queues = new Set<string>();
  for (const binding of bindings) {
    if (matches(type, binding, routingKey)) queues.add(binding.queue);
  }
  return [...queues];
}

function matches(type: Exchange['type'], binding: Binding, routingKey: string): boolean {
  switch (type) {
    case 'fanout':
    case 'headers':
      return true;
    case 'topic':
      return globWords(binding.routingKey, routingKey);
    case 'direct':
      return binding.routingKey === routingKey;
  }
}

function escape(word: string): string {
  return word.replace(/[^A-Za-z0-9_]/g, '\\$&');
}
