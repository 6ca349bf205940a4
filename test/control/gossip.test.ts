import { describe, expect, test } from 'vitest';
import { Gossip } from '../../src/control/gossip.ts';

/** A node that hears what it is told, and what it did about it. */
function node(hostname = 'me@x', pid = 1) {
  const sent: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  const won: unknown[] = [];
  const lines: string[] = [];
  let now = 0;
  const gossip = new Gossip({
    hostname,
    pid,
    now: () => now,
    send: (type, fields) => sent.push([type, fields]),
    later: (work) => work(),
    elected: (topic, action) => won.push([topic, action]),
    log: (level, text) => lines.push(`${level}: ${text}`),
  });
  return { gossip, sent, won, lines, pass: (ms: number) => (now += ms) };
}

const beat = (hostname: string, freq: unknown = 2): object => ({ type: 'worker-heartbeat', hostname, freq });
const elect = (hostname: string, clock: number, pid = 1): Record<string, unknown> => ({
  type: 'worker-elect',
  hostname,
  pid,
  clock,
  id: 'e',
  topic: 'task',
  action: { task: 't' },
  cver: 1,
});
const ack = (hostname: string): Record<string, unknown> => ({ type: 'worker-elect-ack', hostname, id: 'e' });

describe('who is alive', () => {
  test('a node is, for two heartbeats', () => {
    const { gossip, lines, pass } = node();
    gossip.hear(beat('a@x') as never);
    gossip.hear(beat('me@x') as never);
    expect(gossip.alive()).toEqual(['a@x']);

    pass(4000);
    expect(gossip.alive()).toEqual([]);
    gossip.forgetSilent();

    expect(lines).toEqual(['debug: a@x joined the party', 'info: missed heartbeat from a@x']);
  });

  test('a node that says goodbye is not', () => {
    const { gossip, lines } = node();
    gossip.hear(beat('a@x') as never);
    gossip.hear({ type: 'worker-offline', hostname: 'a@x' });

    expect(gossip.alive()).toEqual([]);
    expect(lines.at(-1)).toBe('debug: a@x left');
  });
});

describe('an election', () => {
  test('is answered by a node that nobody asked', () => {
    const { gossip, sent, won } = node();
    gossip.hear(elect('a@x', 5));
    gossip.hear(ack('a@x'));

    expect(sent).toEqual([['worker-elect-ack', { id: 'e' }]]);
    expect(won).toEqual([]);
  });

  test.each([
    [3, 5, [['task', { task: 't' }]]],
    [5, 3, []],
    [5, 5, []],
  ])('is won with the lowest clock, then name: %i against %i', (mine, theirs, won) => {
    const me = node();
    me.gossip.hear(beat('a@x') as never);
    me.gossip.election('e', 'task', { task: 't' });
    expect(me.sent).toEqual([['worker-elect', { id: 'e', topic: 'task', action: { task: 't' }, cver: 1 }]]);

    me.gossip.hear(elect('me@x', mine));
    me.gossip.hear(elect('a@x', theirs));
    me.gossip.hear(ack('me@x'));

    expect(me.won).toEqual(won);
  });

  test('with one node is won by it', () => {
    const me = node();
    me.gossip.election('e', 'task', null);
    me.gossip.hear(elect('me@x', 3));
    me.gossip.hear(ack('me@x'));

    expect(me.won).toEqual([['task', { task: 't' }]]);
  });
});

test.each([
  {},
  { type: 5, hostname: 'a' },
  { type: 'worker-elect', hostname: 'a' },
  { type: 'worker-elect-ack', hostname: 'a' },
  { type: 'worker-elect-ack', hostname: 'a', id: 5 },
  { type: 'worker-heartbeat', hostname: null },
  { type: 'worker-heartbeat', hostname: 'a', freq: 'x' },
  { type: 'worker-heartbeat', hostname: 'a', freq: 1e300 },
])('%o harms nobody', (event) => {
  const { gossip, sent } = node();
  gossip.hear(event);
  gossip.forgetSilent();

  expect(sent).toEqual([]);
});

test('strangers cannot fill the memory', () => {
  const { gossip } = node();
  for (let index = 0; index < 20_000; index += 1) {
    gossip.hear(beat(`n${index}@x`) as never);
    gossip.hear({ ...elect('a@x', 1), id: `e${index}` });
  }

  expect(gossip.alive()).toHaveLength(10_000);
});
