/** Time from the start of a worker's process to the line that says it is ready, by the command lines that people use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const ours = [process.execPath, `${here}../dist/cli/main.js`, '-A', `${here}pool-app.ts`, 'worker', '-l', 'INFO', '-Q', 'bench', '-c', '2'];

/** Milliseconds, by worker: one start each. `environment` names the broker; `python` is the interpreter with Celery. */
export async function measureReady(python: string, environment: NodeJS.ProcessEnv): Promise<Record<string, number>> {
  const theirs = [python, '-m', 'celery', '-A', 'celery_side', 'worker', '-l', 'INFO', '-c', '2'];
  return {
    'tq-bridge async': await readyMs([...ours, '-P', 'async'], environment),
    'tq-bridge prefork -c 2': await readyMs([...ours, '-P', 'prefork'], environment),
    'celery -c 2': await readyMs(theirs, environment),
    'tq-bridge async, alone': await readyMs([...ours, '-P', 'async', ...ALONE], environment),
    'celery -c 2, alone': await readyMs([...theirs, ...ALONE], environment),
  };
}

/** Without asking other workers, which both wait a second for. */
const ALONE = ['--without-mingle', '--without-gossip'];

async function readyMs([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const ready = new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (/ ready\./.test(text)) resolve(performance.now() - began);
    });
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${text}`)));
  });
  const ms = await ready;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  return Math.round(ms);
}
