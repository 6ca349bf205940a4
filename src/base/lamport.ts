/** Larger values than any honest clock reaches: a stranger's must not bring ours to the end of what a number can count. */
const LARGEST = 2 ** 52;

/**
 * A logical clock: one more before each thing that is sent, and more than the sender's after each that is received.
 * `kombu/clocks.py LamportClock`.
 */
export class LamportClock {
  #value: number;

  constructor(value = 0) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Counts one on, and returns the new value: for what is sent now. */
  forward(): number {
    this.#value += 1;
    return this.#value;
  }

  /** Takes over a peer's clock, whatever it sent: what is no usable number counts as 0. Returns the new value. */
  adjust(other: unknown): number {
    const theirs = typeof other === 'bigint' ? Number(other) : other;
    const usable = typeof theirs === 'number' && Number.isInteger(theirs) && theirs <= LARGEST;
    this.#value = Math.max(this.#value, usable ? theirs : 0) + 1;
    return this.#value;
  }
}
