import { isReadyState } from '../protocol/state.ts';
import { clientApp } from './client-app.ts';
import { EXIT } from './exit-codes.ts';
import { formatValue, note, printLine, UsageError } from './print.ts';

/** `tq-bridge result ID`: waits for a result and prints it, or its traceback. Exit 1 when the task failed. */
export async function result(argv: Readonly<Record<string, unknown>>): Promise<number> {
  await using app = await clientApp(argv);
  if (app.settings.result_backend?.startsWith('rpc') === true)
    throw new UsageError(
      'rpc:// brings a result to the process that sent the task, and to no other.',
      'use call --wait, or a backend that stores results, such as redis://localhost',
    );
  const pending = app.asyncResult(String(argv['id']));
  const state = await pending.state();
  if (!isReadyState(state)) {
    if (argv['no-wait'] === true) {
      printLine(argv['json'] === true ? formatValue({ task_id: pending.id, status: state }, true) : state);
      return EXIT.timedOut;
    }
    if (argv['quiet'] !== true) note(`${pending.id} is ${state}; waiting (Ctrl-C stops, --timeout bounds the wait)`);
  }
  const timeout = typeof argv['timeout'] === 'number' ? { timeout: argv['timeout'] } : {};
  if (argv['traceback'] === true) return printTraceback(pending, timeout);
  const value = await pending.get(timeout);
  printLine(
    argv['json'] === true ? formatValue({ task_id: pending.id, status: 'SUCCESS', result: value }, true) : formatValue(value, false),
  );
  return EXIT.ok;
}

interface Traceable {
  get(options: { readonly timeout?: number }): Promise<unknown>;
  traceback(): Promise<string | undefined>;
}

async function printTraceback(pending: Traceable, timeout: { readonly timeout?: number }): Promise<number> {
  let failure: unknown;
  try {
    await pending.get(timeout);
  } catch (error) {
    failure = error;
  }
  const traceback = await pending.traceback();
  if (traceback === undefined && failure !== undefined) throw failure;
  printLine(traceback ?? '');
  return failure === undefined ? EXIT.ok : EXIT.failure;
}
