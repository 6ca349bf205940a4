import { describe, expect, test } from 'vitest';
import { harness } from './harness.ts';

function block(ms: number): void {
  const end = performance.now() + ms;
  // Most of this is Node's own code; the line still names ours.
  while (performance.now() < end);
}

describe('a blocked event loop', () => {
  const h = harness({ worker_blocked_loop_warning: 0.3 });
  const off = harness({ worker_blocked_loop_warning: null });

  test('the log names the task, the place and how long; also after the task has waited', async () => {
    h.app.task('innocent', () => new Promise((resolve) => setTimeout(resolve, 1500)));
    h.app.task('blocker', async () => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      block(1200);
    });
    await h.start();

    const innocent = await h.app.sendTask('innocent');
    const blocker = await h.app.sendTask('blocker');
    await blocker.get({ timeout: 10 });
    await innocent.get({ timeout: 10 });

    await expect.poll(() => h.lines.filter((line) => line.includes('event loop was blocked'))).toHaveLength(1);
    const line = h.lines.find((one) => one.includes('event loop was blocked'));
    expect(line).toMatch(/^warning: The event loop was blocked for \d\.\d s by task blocker\[/);
    expect(line).toMatch(/ at block \(.*loop-watch\.test\.ts:\d+\)/);
    expect(line).toContain(blocker.id);
    expect(line).not.toContain(innocent.id);
  }, 20_000);

  test('it can be left unwatched', async () => {
    off.app.task('blocker', () => block(600));
    await off.start();
    await off.run('blocker');

    expect(off.lines.some((line) => line.includes('event loop was blocked'))).toBe(false);
  });
});
