type ReadNumber = (view: DataView, at: number) => number | bigint;

/** From 0xca on: how many bytes, and what they say. */
export const NUMBERS: readonly [readonly [number, ReadNumber], ...(readonly [number, ReadNumber])[]] = [
  [4, (view, at) => view.getFloat32(at)],
  [8, (view, at) => view.getFloat64(at)],
  [1, (view, at) => view.getUint8(at)],
  [2, (view, at) => view.getUint16(at)],
  [4, (view, at) => view.getUint32(at)],
  [8, (view, at) => exact(view.getBigUint64(at))],
  [1, (view, at) => view.getInt8(at)],
  [2, (view, at) => view.getInt16(at)],
  [4, (view, at) => view.getInt32(at)],
  [8, (view, at) => exact(view.getBigInt64(at))],
];

/** A number where it is exact, a BigInt else. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
