/**
 * Bandwidth limits over all connections of all folders and threads of a process: meters in shared memory, so that a limit holds for the sum and
 * can be changed while a transfer runs. Each transfer pays for its bytes before it moves them, at the meter of its folder and at the common one.
 */

export type Flow = 'up' | 'down';
/** One per scope; passes to worker threads as it is. */
export type Meter = SharedArrayBuffer;

/** Bytes per second; null: no limit. */
export type Rates = { readonly [F in Flow]: number | null };

const RATE: Readonly<Record<Flow, number>> = { up: 0, down: 2 };
/** Nanoseconds of the system's monotonic clock, up to which the rate is used up. */
const PAID: Readonly<Record<Flow, number>> = { up: 1, down: 3 };
const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

export function createMeter(): Meter {
  return new SharedArrayBuffer(4 * BigInt64Array.BYTES_PER_ELEMENT);
}

/** Holds from the next bytes on, in every thread. */
export function setRates(meter: Meter, rates: Rates): void {
  const cells = new BigInt64Array(meter);
  for (const flow of ['up', 'down'] as const) {
    Atomics.store(cells, RATE[flow], BigInt(Math.max(0, Math.round(rates[flow] ?? 0))));
    // What was paid at another rate must not hold up the new one.
    Atomics.store(cells, PAID[flow], 0n);
  }
}

export type Throttle = {
  isLimited(flow: Flow): boolean;
  /** Takes the bytes, and says for how many milliseconds to wait before they may move. */
  take(flow: Flow, bytes: number): number;
  /** Bytes to move at a time: small enough that a second is not one lump. */
  sliceBytes(flow: Flow): number;
};

const LARGEST_SLICE = 64 * 1024;
const SMALLEST_SLICE = 1024;

export function createThrottle(meters: readonly Meter[], nowNs: () => bigint = () => process.hrtime.bigint()): Throttle {
  const all = meters.map((meter) => new BigInt64Array(meter));
  const rateOf = (cells: BigInt64Array, flow: Flow): bigint => Atomics.load(cells, RATE[flow]);

  function pay(cells: BigInt64Array, flow: Flow, bytes: bigint): bigint {
    const rate = rateOf(cells, flow);
    if (rate <= 0n) return 0n;
    for (;;) {
      const now = nowNs();
      const paid = Atomics.load(cells, PAID[flow]);
      const from = paid > now ? paid : now;
      if (Atomics.compareExchange(cells, PAID[flow], paid, from + (bytes * NS_PER_S) / rate) === paid) return from - now;
    }
  }

  return {
    isLimited: (flow) => all.some((cells) => rateOf(cells, flow) > 0n),
    take: (flow, bytes) => Number(all.reduce((longest, cells) => {
      const wait = pay(cells, flow, BigInt(bytes));
      return wait > longest ? wait : longest;
    }, 0n) / NS_PER_MS),
    sliceBytes: (flow) => {
      const rates = all.map((cells) => Number(rateOf(cells, flow))).filter((rate) => rate > 0);
      return Math.round(Math.min(LARGEST_SLICE, Math.max(SMALLEST_SLICE, Math.min(...rates, LARGEST_SLICE * 16) / 16)));
    },
  };
}
