/** How fast and how many at once files may travel: one number for always, or a timetable over the week. */

/** From here on a transfer is large: it gets a share of the places, so that small files never wait behind it. */
export const LARGE_BYTES = 8 * 1024 * 1024;

/** Files of one class go by age, the newest first; a smaller class goes first. */
export function sizeClassOf(bytes: number): number {
  return bytes < 256 * 1024 ? 0 : Math.ceil(Math.log2(bytes));
}

/** From `minute` of the week on (0 is Monday 00:00, local time) until the next entry; the last one of the week holds until the first of the next. Null: no limit. */
export type RateEntry = { readonly minute: number; readonly bytesPerSecond: number | null };
/** Never empty, ascending. */
export type RateTable = readonly RateEntry[];

/** What is missing is not limited, or as Enfold thinks best. */
export type TransferLimits = {
  readonly upload?: RateTable | undefined;
  readonly download?: RateTable | undefined;
  /** Files on their way at once. */
  readonly transfers?: number | undefined;
};

export const MOST_TRANSFERS = 256;
const MINUTES_OF_DAY = 24 * 60;
const MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY;
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const UNITS: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
/** Slower than this a part of 8 MiB takes more than two hours, and servers give up. */
const LEAST_BYTES_PER_SECOND = 1024;
const MOST_BYTES_PER_SECOND = 1024 ** 4;

/** `512K`, `1.5M`, `off`: bytes per second; undefined where it is neither. */
function parseRate(text: string): number | null | undefined {
  if (text === 'off') return null;
  const [, amount, unit] = /^(\d{1,6}(?:\.\d{1,3})?)([KMG])(?:iB|B)?(?:\/s)?$/.exec(text) ?? [];
  const bytes = Math.round(Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN));
  return bytes >= LEAST_BYTES_PER_SECOND && bytes <= MOST_BYTES_PER_SECOND ? bytes : undefined;
}

/**
 * `2M`, or a timetable such as `08:00,512K 18:00,off` or `Mon-08:00,512K Fri-18:00,off Sun-20:00,1M`. An entry without a day holds on every day.
 *
 * @returns null where it is none of these.
 */
export function parseRateTable(text: string): RateTable | null {
  const always = parseRate(text.trim());
  if (always !== undefined) return [{ minute: 0, bytesPerSecond: always }];
  const entries = new Map<number, number | null>();
  for (const part of text.trim().split(/\s+/)) {
    const [, day, hours, minutes, rate] = /^(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun)-)?([01]\d|2[0-3]):([0-5]\d),(\S+)$/.exec(part) ?? [];
    const bytesPerSecond = rate === undefined ? undefined : parseRate(rate);
    if (bytesPerSecond === undefined) return null;
    const days = day === undefined ? DAYS.map((_name, index) => index) : [DAYS.indexOf(day as (typeof DAYS)[number])];
    for (const index of days) entries.set(index * MINUTES_OF_DAY + Number(hours) * 60 + Number(minutes), bytesPerSecond);
  }
  return [...entries].map(([minute, bytesPerSecond]) => ({ minute, bytesPerSecond })).toSorted((a, b) => a.minute - b.minute);
}

/** @param at - local time. @returns bytes per second; null: no limit. */
export function rateAt(table: RateTable | undefined, at: Date): number | null {
  if (table === undefined) return null;
  const minute = ((at.getDay() + 6) % 7) * MINUTES_OF_DAY + at.getHours() * 60 + at.getMinutes();
  return (table.findLast((entry) => entry.minute <= minute) ?? table.at(-1))?.bytesPerSecond ?? null;
}

function formatRate(bytesPerSecond: number | null): string {
  if (bytesPerSecond === null) return 'off';
  const unit = bytesPerSecond >= 1024 ** 3 ? 'G' : bytesPerSecond >= 1024 ** 2 ? 'M' : 'K';
  return `${Math.round((bytesPerSecond / (UNITS[unit] ?? 1)) * 1000) / 1000}${unit}`;
}

/** As {@link parseRateTable} reads it. */
export function formatRateTable(table: RateTable | undefined): string {
  if (table === undefined) return 'off';
  const [first] = table;
  if (table.length === 1 && first?.minute === 0) return formatRate(first.bytesPerSecond);
  const timeOf = (minute: number): string => `${String(Math.floor((minute % MINUTES_OF_DAY) / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  const texts = table.map(({ minute, bytesPerSecond }) => ({ day: Math.floor((minute % MINUTES_OF_WEEK) / MINUTES_OF_DAY), text: `${timeOf(minute)},${formatRate(bytesPerSecond)}` }));
  const isDaily = (text: string): boolean => texts.filter((one) => one.text === text).length === DAYS.length;
  const said = new Set<string>();
  for (const { day, text } of texts) said.add(isDaily(text) ? text : `${DAYS[day] ?? ''}-${text}`);
  return [...said].join(' ');
}

/** Another entry may hold in the next minute. */
export function hasSchedule({ upload, download }: TransferLimits): boolean {
  return (upload?.length ?? 0) > 1 || (download?.length ?? 0) > 1;
}
