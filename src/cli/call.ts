import { callArguments, sendOptions } from './call-input.ts';
import { clientApp } from './client-app.ts';
import { printMessage } from './encode.ts';
import { EXIT } from './exit-codes.ts';
import { formatValue, printLine, UsageError } from './print.ts';

/** `tq-bridge call NAME`: sends a task and prints its id, or with `--wait` its result; with `--dry-run` the message, unsent. */
export async function call(argv: Readonly<Record<string, unknown>>): Promise<number> {
  const args = callArguments(argv);
  const options = sendOptions(argv);
  await using app = await clientApp(argv);
  if (argv['dry-run'] === true) return printMessage(app, { name: String(argv['name']), args, options }, argv);
  if (argv['wait'] === true && app.settings.result_backend === null)
    throw new UsageError('--wait needs a result backend.', "for example --result-backend rpc:// or the app's setting result_backend");
  const result = await app.sendTask(String(argv['name']), args, options);
  if (argv['wait'] !== true) {
    printLine(argv['json'] === true ? formatValue({ task_id: result.id }, true) : result.id);
    return EXIT.ok;
  }
  const timeout = argv['timeout'];
  const value = await result.get(typeof timeout === 'number' ? { timeout } : {});
  const asJson = argv['json'] === true;
  printLine(asJson ? formatValue({ task_id: result.id, status: 'SUCCESS', result: value }, true) : formatValue(value, false));
  return EXIT.ok;
}
