/** Runs what concerns one task in the order of the calls, and other tasks beside it: for stores that read before they write. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take(taskId: string, work: () => Promise<void>): Promise<void> {
    const before = this.#last.get(taskId);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(taskId, mine);
    try {
      await mine;
    } finally {
      if (this.#last.get(taskId) === mine) this.#last.delete(taskId);
    }
  }
}
