/** Bytes, times and paths as people read them. Numbers and units are joined by no-break spaces, digits are grouped by them. */
const NBSP = '\u00a0';
const group = new Intl.NumberFormat('en', { useGrouping: true });

/** `12 406` */
export function count(value: number): string {
  return group.format(value).replaceAll(',', NBSP);
}

/** Decimal units, about three digits: `9 KB`, `31.4 MB`, `2.31 GB`, `9.4 GB`. */
export function bytes(value: number): string {
  if (value < 1000) return `${value}${NBSP}B`;
  let scaled = value / 1000;
  let unit = 0;
  const units = ['KB', 'MB', 'GB', 'TB', 'PB'];
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : unit === 1 ? 1 : 2;
  const shown = digits === 2 ? scaled.toFixed(2).replace(/0$/, '') : scaled.toFixed(digits);
  return `${isGerman ? shown.replace('.', ',') : shown}${NBSP}${units[unit]}`;
}

export function rate(bytesPerSecond: number): string {
  return `${bytes(Math.round(bytesPerSecond)).replace(/[.,]0(?=\u00a0)/, "")}/s`;
}

/** Whole percent, rounded down: 100 % is said only when all is done. */
export function percent(done: number, total: number): number {
  return total <= 0 ? 0 : Math.min(100, Math.floor((100 * done) / total));
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
let month = new Intl.DateTimeFormat('en-US', { month: 'short' });
let weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short' });
let isGerman = false;

/** Names of months and days, and the decimal sign. */
export function setFormatLanguage(language: 'en' | 'de'): void {
  isGerman = language === 'de';
  month = new Intl.DateTimeFormat(isGerman ? 'de-DE' : 'en-US', { month: 'short' });
  weekday = new Intl.DateTimeFormat(isGerman ? 'de-DE' : 'en-GB', { weekday: 'short' });
}

export const time = (ms: number): string => clock.format(ms);
const dayMonth = (ms: number): string => `${new Date(ms).getDate()}${isGerman ? '.' : ''} ${month.format(ms)}`;
/** `20 Nov 2026` */
export const date = (ms: number): string => `${dayMonth(ms)} ${new Date(ms).getFullYear()}`;
/** `20 Nov 2026, 17:42` */
export const dateTime = (ms: number): string => `${date(ms)}, ${time(ms)}`;
/** `Fri 20 Nov 2026, 17:42` */
export const longDateTime = (ms: number): string => `${weekday.format(ms)} ${dateTime(ms)}`;

/** `Fri 20 Nov 2026, 17:42:10`: where two times may differ by seconds. */
export const exactDateTime = (ms: number): string => `${longDateTime(ms)}:${String(new Date(ms).getSeconds()).padStart(2, '0')}`;

export type Ago = { unit: 'now' | 'seconds' | 'minutes'; value: number } | { unit: 'today' | 'yesterday'; at: string } | { unit: 'date'; at: string };

function dayOf(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** How long ago, in the unit people would use: seconds and minutes up to an hour, then the clock, then the date. */
export function ago(ms: number, nowMs: number): Ago {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 5) return { unit: 'now', value: seconds };
  if (seconds < 60) return { unit: 'seconds', value: seconds };
  if (seconds < 3600) return { unit: 'minutes', value: Math.floor(seconds / 60) };
  const days = Math.round((dayOf(nowMs) - dayOf(ms)) / 86_400_000);
  if (days === 0) return { unit: 'today', at: time(ms) };
  if (days === 1) return { unit: 'yesterday', at: time(ms) };
  return { unit: 'date', at: new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? dayMonth(ms) : date(ms) };
}

/** The home directory as `~`. Paths are never cut. */
export function shortPath(path: string, home: string | undefined): string {
  if (home === undefined || home === '' || home === '/') return path;
  return path === home ? '~' : path.startsWith(`${home}/`) || path.startsWith(`${home}\\`) ? `~${path.slice(home.length)}` : path;
}

/** The last segment of a path, with or without a closing slash. */
export function baseName(path: string): string {
  return path.replace(/[/\\]+$/, '').split(/[/\\]/).at(-1) ?? path;
}

/** Everything before the last segment, without a closing slash; `''` at the top. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.includes('/') ? trimmed.slice(0, trimmed.lastIndexOf('/')) : '';
}

/** A folder's name as a part of a bucket prefix: `Photos of the site` -> `photos-of-the-site`. */
export function slug(name: string): string {
  return name.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'folder';
}

/** 16 characters in fours: `K7QF-2M9D-XA4H-0TRP`. What is grouped already stays as it is. */
export function fingerprint(value: string): string {
  return value.includes('-') ? value : (value.toUpperCase().match(/.{1,4}/g) ?? []).join('-');
}

export function remaining(leftBytes: number, bytesPerSecond: number): { unit: 'seconds' | 'minutes' | 'hours'; value: number } | null {
  if (bytesPerSecond < 1 || leftBytes <= 0) return null;
  const seconds = leftBytes / bytesPerSecond;
  if (seconds < 90) return { unit: 'seconds', value: Math.max(1, Math.round(seconds)) };
  if (seconds < 5400) return { unit: 'minutes', value: Math.round(seconds / 60) };
  return { unit: 'hours', value: Math.round(seconds / 3600) };
}

/** What would be invisible, or would turn the reading direction round, as its code point: `evil\u202Egpj.exe` -> `evil⟨U+202E⟩gpj.exe`. */
export function visible(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u3164\uFFA0\u115F\u1160]/gu, (found, at: number) => {
    // A joiner inside an emoji or a script that needs it is part of what is read.
    if ((found === '\u200D' || found === '\u200C') && at > 0) return found;
    return `⟨U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}
