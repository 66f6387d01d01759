/**
 * The rows of one listing that Browse shows, in columns, so that a hundred thousand of them take some ten MiB; put into the order and under the
 * filter that is asked for a slice at a time, so that nothing else waits for it.
 */
import type { BrowseRow } from '../../preload/contract.ts';
import { createBreather, mergeInSlices, sortInSlices, type Compare } from '../local/slices.ts';

export type Order = { readonly by: 'name' | 'sizeBytes' | 'modifiedMs'; readonly isDown: boolean };

const PROTECTIONS = ['sealed', 'server', 'foreign'] as const satisfies readonly BrowseRow['protection'][];
const NOWS = ['same', 'changed', 'deleted', 'unknown'] as const satisfies readonly NonNullable<BrowseRow['past']>['now'][];
const IS_DIRECTORY = 4;
const IS_CONFIRMED = 8;
/** One of {@link NOWS} and 1, in the bits from here on. */
const PAST_SHIFT = 4;
/** Names that are looked at between two looks at the clock. */
const NAMES_AT_ONCE = 256;
const FIRST_BYTES = 64 * 1024;

const collator = new Intl.Collator(undefined, { numeric: true });

export class FileListing {
  /** What all object keys of the listing begin with, as a rule. */
  readonly #keyPrefix: string;
  readonly #names: string[] = [];
  readonly #parents: string[] = [];
  readonly #knownParents = new Map<string, string>();
  readonly #sizes: number[] = [];
  readonly #times: number[] = [];
  readonly #flags: number[] = [];
  readonly #keys = new TextColumn();
  #shown: { readonly key: string; readonly upTo: number; readonly indexes: number[] } = { key: '', upTo: 0, indexes: [] };
  #turn: Promise<unknown> = Promise.resolve();

  constructor(keyPrefix: string) {
    this.#keyPrefix = keyPrefix;
  }

  get length(): number {
    return this.#names.length;
  }

  push({ path, name, kind, sizeBytes, modifiedMs, objectKey, protection, isConfirmed, past }: BrowseRow): void {
    const parent = path.slice(0, path.length - name.length - (kind === 'directory' ? 1 : 0));
    this.#names.push(ownText(name));
    let known = this.#knownParents.get(parent);
    if (known === undefined) {
      known = ownText(parent);
      this.#knownParents.set(known, known);
    }
    this.#parents.push(known);
    this.#sizes.push(sizeBytes ?? Number.NaN);
    this.#times.push(modifiedMs ?? Number.NaN);
    this.#flags.push(PROTECTIONS.indexOf(protection) + (kind === 'directory' ? IS_DIRECTORY : 0) + (isConfirmed ? IS_CONFIRMED : 0) + (past === undefined ? 0 : (NOWS.indexOf(past.now) + 1) << PAST_SHIFT));
    this.#keys.push(objectKey.startsWith(this.#keyPrefix) ? `+${objectKey.slice(this.#keyPrefix.length)}` : `=${objectKey}`);
  }

  /**
   * The rows whose name holds `text`, in order, from `start` to before `end`.
   *
   * @returns `total`: how many there are in all.
   */
  async rows(text: string, order: Order, start: number, end: number): Promise<{ readonly rows: BrowseRow[]; readonly total: number }> {
    const mine = this.#turn.then(async () => this.#show(text.normalize('NFC').toLowerCase(), order));
    this.#turn = mine.catch(() => undefined);
    const indexes = await mine;
    return { rows: indexes.slice(start, end).map((index) => this.#rowAt(index)), total: indexes.length };
  }

  #rowAt(index: number): BrowseRow {
    const flags = this.#flags[index]!;
    const name = this.#names[index]!;
    const isDirectory = (flags & IS_DIRECTORY) !== 0;
    const key = this.#keys.at(index);
    const now = NOWS[(flags >> PAST_SHIFT) - 1];
    return {
      path: `${this.#parents[index]!}${name}${isDirectory ? '/' : ''}`, name, kind: isDirectory ? 'directory' : 'file', sizeBytes: orNull(this.#sizes[index]!), modifiedMs: orNull(this.#times[index]!),
      objectKey: key.startsWith('+') ? this.#keyPrefix + key.slice(1) : key.slice(1), protection: PROTECTIONS[(flags & 3) as 0 | 1 | 2], isConfirmed: (flags & IS_CONFIRMED) !== 0, ...(now === undefined ? {} : { past: { now } }),
    };
  }

  /** Only what has come since the last time is sorted, where the order and the filter are the same. */
  async #show(text: string, order: Order): Promise<number[]> {
    const key = `${order.by} ${order.isDown} ${text}`;
    const before = this.#shown.key === key ? this.#shown : { upTo: 0, indexes: [] };
    const upTo = this.length;
    if (this.#shown.key === key && before.upTo === upTo) return before.indexes;
    const breathe = createBreather();
    const fresh: number[] = [];
    for (let index = before.upTo; index < upTo; index += 1) {
      if (text === '' || this.#names[index]!.normalize('NFC').toLowerCase().includes(text)) fresh.push(index);
      if (index % NAMES_AT_ONCE === 0) await breathe();
    }
    const compare = this.#comparer(order);
    const indexes = await mergeInSlices(before.indexes, await sortInSlices(fresh, compare, breathe), compare, breathe);
    this.#shown = { key, upTo, indexes };
    return indexes;
  }

  #comparer({ by, isDown }: Order): Compare<number> {
    const sign = isDown ? -1 : 1;
    const column = by === 'sizeBytes' ? this.#sizes : this.#times;
    return (left, right) => {
      const apart = (this.#flags[right]! & IS_DIRECTORY) - (this.#flags[left]! & IS_DIRECTORY);
      if (apart !== 0) return apart;
      const first = by === 'name' ? 0 : (orNull(column[left]!) ?? -1) - (orNull(column[right]!) ?? -1);
      return sign * (first || collator.compare(this.#names[left]!, this.#names[right]!)) || left - right;
    };
  }
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** A text cut out of a longer one keeps that in memory, as it would each page of a server's answer; this one does not. */
function ownText(text: string): string {
  return Buffer.from(text).toString();
}

/** Many texts, one after the other as UTF-8, outside the heap. */
class TextColumn {
  #bytes = Buffer.alloc(FIRST_BYTES);
  readonly #ends: number[] = [];

  push(text: string): void {
    const start = this.#ends.at(-1) ?? 0;
    const end = start + Buffer.byteLength(text);
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(2 * Math.max(end, this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    this.#bytes.write(text, start);
    this.#ends.push(end);
  }

  at(index: number): string {
    return this.#bytes.toString('utf8', index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }
}
