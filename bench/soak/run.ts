/**
 * `npm run soak`: what takes too long for the tests. Each scenario is a process of its own against one private RabbitMQ.
 * Progress goes to stderr, one JSON summary to stdout; exit 1 when a bound is broken.
 *
 * TQ_SOAK=outage,slow-broker,mixed,malformed,reconnects picks scenarios; each has its own variable for how long it runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { rabbitmq } from '../../test/servers.ts';

const SCENARIOS = ['reconnects', 'slow-broker', 'mixed', 'malformed', 'outage'] as const;

interface Summary {
  readonly figures: Readonly<Record<string, number>>;
  readonly broken: readonly string[];
}

async function run(scenario: string, broker: string): Promise<Summary> {
  process.stderr.write(`${scenario}\n`);
  const script = fileURLToPath(new URL(`${scenario}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', script], {
    env: { ...process.env, SOAK_BROKER: broker },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const line = output.trim().split('\n').at(-1) ?? '';
  if (code !== 0 || !line.startsWith('{')) return { figures: {}, broken: [`the scenario ended with ${code}: ${output.slice(-500)}`] };
  return JSON.parse(line) as Summary;
}

const chosen = process.env['TQ_SOAK']?.split(',') ?? SCENARIOS;
const unknown = chosen.filter((name) => !(SCENARIOS as readonly string[]).includes(name));
if (unknown.length > 0) throw new Error(`no scenario is called ${unknown.join(', ')}; there is ${SCENARIOS.join(', ')}`);
await using broker = await rabbitmq();
const summaries: Record<string, Summary> = {};
for (const scenario of chosen) summaries[scenario] = await run(scenario, broker.url);
console.log(JSON.stringify(summaries, undefined, 2));
for (const [scenario, { broken }] of Object.entries(summaries))
  for (const text of broken) process.stderr.write(`BROKEN ${scenario}: ${text}\n`);
if (Object.values(summaries).some(({ broken }) => broken.length > 0)) process.exitCode = 1;
