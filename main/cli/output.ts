/** What commands say: JSON for programs or lines for people on standard output, progress and notes on standard error. */
import { once } from 'node:events';

export type Output = {
  readonly isJson: boolean;
  /** The command's answer: `value` with --json, else `lines`. */
  answer(value: unknown, lines: readonly string[]): void;
  /** One of many answers of a stream: one JSON value per line. */
  item(value: unknown, line: string): Promise<void>;
  /** Raw bytes of a file. Resolves when there is room for more. */
  bytes(chunk: Buffer): Promise<void>;
  /** For people only, on standard error; nothing with --json. */
  note(line: string): void;
  /** Shown on a terminal once a second has passed; null clears it. */
  progress(line: string | null): void;
};

const PROGRESS_AFTER_MS = 1000;
const PROGRESS_EVERY_MS = 100;

async function write(stream: NodeJS.WriteStream, text: string | Buffer): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}

export function createOutput(isJson: boolean, stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Output {
  const startedAt = Date.now();
  const hasProgress = stderr.isTTY && !isJson;
  let shownAt = 0;
  let isShown = false;
  const clear = (): void => {
    if (isShown) stderr.write('\r\x1b[K');
    isShown = false;
  };
  return {
    isJson,
    answer: (value, lines) => {
      clear();
      if (isJson) stdout.write(`${JSON.stringify(value)}\n`);
      else if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
    },
    item: async (value, line) => {
      clear();
      await write(stdout, isJson ? `${JSON.stringify(value)}\n` : `${line}\n`);
    },
    bytes: async (chunk) => {
      clear();
      await write(stdout, chunk);
    },
    note: (line) => {
      if (isJson) return;
      clear();
      stderr.write(`${line}\n`);
    },
    progress: (line) => {
      if (!hasProgress) return;
      if (line === null) return clear();
      const now = Date.now();
      if (now - startedAt < PROGRESS_AFTER_MS || now - shownAt < PROGRESS_EVERY_MS) return;
      shownAt = now;
      isShown = true;
      stderr.write(`\r\x1b[K${line.slice(0, Math.max(20, (stderr.columns || 80) - 1))}`);
    },
  };
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd());
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1024;
    unit += 1;
  } while (value >= 1024 && unit < UNITS.length - 1);
  return `${value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit] ?? ''}`;
}

const BAR_CELLS = 24;

/** `[########................] 33 %`; a total of 0 is all there is to do. */
export function progressBar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, Math.max(0, done / total));
  const filled = Math.floor(share * BAR_CELLS);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** Local time, to the second, sortable. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Control characters in names must not steer the reader's terminal. */
export function printable(name: string): string {
  // eslint-disable-next-line no-control-regex -- exactly these are meant
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
