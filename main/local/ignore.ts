/**
 * Which paths are never synced, and which rule says so. `.enfoldignore` at the top of the folder holds gitignore rules; before them
 * stands a list of what no one wants synced, which a rule with `!` in the file switches off again.
 */
import createMatcher from 'ignore';
import type { SyncPath } from '../model/path.ts';

export const IGNORE_FILE = '.enfoldignore';

/** System litter, half-made files of other programs, and locks. Names that merely trouble some platform are not here: they are listed instead. */
export const DEFAULT_RULES: readonly string[] = [
  '.DS_Store', '.AppleDouble', '.LSOverride', '._*', '.Spotlight-V100', '.Trashes', '.fseventsd', '.TemporaryItems', '.DocumentRevisions-V100', '.VolumeIcon.icns',
  '.apdisk',
  'Thumbs.db', 'ehthumbs.db', 'desktop.ini', '$RECYCLE.BIN/', 'System Volume Information/',
  '.directory', '.Trash-*/', '.fuse_hidden*', '.nfs[0-9a-f]*', 'lost+found/',
  '*.tmp', '*.temp', '~$*', '.~lock.*#', '*.part', '*.partial', '*.crdownload', '*.download/', '*.swp', '*.swo', '.*.sw[a-p]', '.#*', '\\#*\\#', '.goutputstream-*',
];

/** A rule with many stars takes time that grows with the name's length to the power of their number. */
const MAX_STARS_PER_SEGMENT = 4;
const MAX_RULES_BYTES = 256 * 1024;

export type IgnoreRules = {
  /** The rule that keeps `path` out, or null. Meant to be asked from the top down: a path below an ignored directory is ignored too. */
  ruleFor(path: SyncPath): string | null;
  /** Lines of the file that were not taken, in words for people. */
  readonly refused: readonly string[];
};

/** @param text - the content of `.enfoldignore`; '' where there is none. */
export function parseIgnoreRules(text: string, defaults: readonly string[] = DEFAULT_RULES): IgnoreRules {
  const refused: string[] = [];
  const lines = text.length > MAX_RULES_BYTES ? [] : text.split(/\r?\n/);
  if (text.length > MAX_RULES_BYTES) refused.push(`${IGNORE_FILE} is larger than ${MAX_RULES_BYTES / 1024} KiB and was not read`);
  const own = lines.filter((line, index) => {
    const isBad = line.replaceAll('**/', '').split('/').some((segment) => (segment.match(/\*+/g)?.length ?? 0) > MAX_STARS_PER_SEGMENT);
    if (isBad) refused.push(`line ${index + 1} has too many stars: ${line.slice(0, 80)}`);
    return !isBad;
  });
  const hasOwn = own.some((line) => line.trim() !== '' && !line.startsWith('#'));
  const matcher = createMatcher().add([...defaults]);
  if (hasOwn) matcher.add(own);
  // Most paths share few names with the default list: a name is asked about once.
  const isPlain = createPlainTest(hasOwn ? null : defaults);
  return {
    refused,
    ruleFor(path) {
      if (isPlain(path)) return null;
      const answer = matcher.test(path);
      return answer.ignored ? (answer.rule?.pattern ?? '') : null;
    },
  };
}

/** One look that clears a path without the matcher where only the default list applies: no segment has a shape any of its rules needs. */
function createPlainTest(rules: readonly string[] | null): (path: string) => boolean {
  if (rules === null) return () => false;
  const suspicious = new RegExp(`(?:^|/)(?:${rules.map(shapeOf).join('|')})(?:/|$)`, 'iu');
  return (path) => !suspicious.test(path);
}

/** A rule without slashes inside as a regular expression that matches at least what it matches. */
function shapeOf(rule: string): string {
  return rule
    .replace(/\/$/, '')
    .replaceAll(/\\(.)/g, '$1')
    .split(/(\*|\[[^\]]*\])/)
    .map((part) => (part === '*' ? '[^/]*' : part.startsWith('[') ? part : part.replaceAll(/[$()+.?\\^{|}]/g, '\\$&')))
    .join('');
}
