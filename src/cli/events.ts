import { emitKeypressEvents } from 'node:readline';
import type { Key } from 'node:readline';
import type { Celery } from '../celery.ts';
import type { EventReceiver } from '../events/receiver.ts';
import type { ReceivedEvent } from '../events/read.ts';
import { ClusterState } from '../events/state.ts';
import { matchGlob } from '../routing/glob.ts';
import { clientApp } from './client-app.ts';
import { EventLines } from './events-lines.ts';
import { EventsView } from './events-view.ts';
import { EXIT } from './exit-codes.ts';
import { refuseMissingEventFlags } from './not-built.ts';
import { formatValue, note, printLine } from './print.ts';

/** `tq-bridge events`: what a cluster says, as lines, as JSON, or on a terminal as a picture that lives. Ends at Ctrl-C with exit 0. */
export async function events(argv: Readonly<Record<string, unknown>>): Promise<number> {
  refuseMissingEventFlags(argv);
  await using app: Celery = await clientApp(argv);
  await using receiver: EventReceiver = app.openReceiver();
  const asJson = argv['json'] === true;
  const state = new ClusterState();
  const wanted = filterOf(argv, state);
  const live = !asJson && argv['dump'] !== true && process.stdout.isTTY && process.stdin.isTTY;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const lines = new EventLines();
  receiver.on('*', (event) => {
    state.apply(event);
    if (live || !wanted(event)) return;
    printLine(asJson ? formatValue(event, true) : lines.line(event));
  });
  await receiver.start();
  if (!live && argv['quiet'] !== true) note('events: listening (Ctrl-C stops)');
  process.on('SIGINT', end).on('SIGTERM', end);
  // Whoever reads our lines has gone: so do we.
  process.stdout.on('error', () => end());
  try {
    if (live) await watch(state, ended);
    else await ended;
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  return EXIT.ok;
}

/** Events of the types and tasks that were asked for; names may be patterns, several are separated by commas. */
function filterOf(argv: Readonly<Record<string, unknown>>, state: ClusterState): (event: ReceivedEvent) => boolean {
  const types = patterns(argv['type']);
  const tasks = patterns(argv['task']);
  return (event) => {
    if (types !== undefined && !types.some((pattern) => matchGlob(pattern, event.type))) return false;
    if (tasks === undefined) return true;
    const { uuid } = event;
    // Only the first event of a task has its name.
    const name = typeof uuid === 'string' ? state.tasks.get(uuid)?.fields['name'] : undefined;
    return typeof name === 'string' && tasks.some((pattern) => matchGlob(pattern, name));
  };
}

function patterns(value: unknown): string[] | undefined {
  return typeof value === 'string' ? value.split(',').map((item) => item.trim()) : undefined;
}

const REDRAW_MS = 500;
const COLUMNS = 80;
const ROWS = 24;
const ALTERNATE_SCREEN = '\u001b[?1049h\u001b[?25l';
const FIRST_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const TO_END_OF_LINE = '\u001b[K';

/** Draws the view on the terminal's other screen until a key or a signal ends it, and leaves the terminal as it was. */
async function watch(state: ClusterState, ended: Promise<void>): Promise<void> {
  const view = new EventsView(state);
  const { stdin, stdout } = process;
  const draw = (): void => {
    // A terminal that does not know its size says 0, or nothing.
    const frame = { columns: stdout.columns || COLUMNS, rows: stdout.rows || ROWS, now: Date.now() / 1000 };
    stdout.write(HOME + view.lines(frame).join(`${TO_END_OF_LINE}\r\n`) + TO_END_OF_LINE);
  };
  const quit = Promise.withResolvers<void>();
  const onKey = (_text: string | undefined, { sequence = '' }: Key): void => {
    if (view.press(sequence) === 'quit') quit.resolve();
    else draw();
  };
  stdout.write(ALTERNATE_SCREEN);
  // Keys may come several at once.
  emitKeypressEvents(stdin);
  stdin.setRawMode(true).on('keypress', onKey).resume();
  stdout.on('resize', draw);
  const timer = setInterval(draw, REDRAW_MS);
  try {
    draw();
    await Promise.race([ended, quit.promise]);
  } finally {
    clearInterval(timer);
    stdout.off('resize', draw);
    stdin.off('keypress', onKey).setRawMode(false).pause();
    stdout.write(FIRST_SCREEN);
  }
}
