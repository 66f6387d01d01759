import { describe, expect, test } from 'vitest';
import { DEFAULT_RULES, parseIgnoreRules } from '../../main/local/ignore.ts';
import { syncPath } from '../../main/model/path.ts';

const ruleFor = (text: string, path: string): string | null => parseIgnoreRules(text).ruleFor(syncPath(path));

describe('what is never synced', () => {
  test.each([
    ['.DS_Store', '.DS_Store'], ['deep/down/Thumbs.db', 'Thumbs.db'], ['thumbs.DB', 'Thumbs.db'], ['~$report.docx', '~$*'], ['.~lock.table.ods#', '.~lock.*#'], ['film.mkv.crdownload', '*.crdownload'],
    ['$RECYCLE.BIN/', '$RECYCLE.BIN/'], ['$RECYCLE.BIN/x/y', '$RECYCLE.BIN/'], ['a.swp', '*.swp'], ['.nfs0000a1', '.nfs[0-9a-f]*'], ['desktop.ini', 'desktop.ini'], ['x.tmp', '*.tmp'], ['#draft#', '\\#*\\#'],
  ])('%j is kept out by the default rule %j', (path, rule) => {
    expect(ruleFor('', path)).toBe(rule);
  });

  test.each(['notes.txt', 'tmp/x', 'tmp', 'CON', 'aux.c', 'temporary', 'a.tmpl', '.gitignore', '.enfoldignore', 'swp', 'film.download', 'x~', 'lost+found'])('%j is synced', (path) => {
    expect(ruleFor('', path)).toBeNull();
  });

  test('is said the same way with and without rules of the user\'s own', () => {
    const shapes = DEFAULT_RULES.map((rule) => rule.replaceAll('[0-9a-f]', '7').replaceAll('[a-p]', 'p').replaceAll('\\', '').replaceAll('*', 'some name'));
    for (const shape of shapes) expect([shape, ruleFor('', `d/${shape}`) === null]).toEqual([shape, ruleFor('nothing-else\n', `d/${shape}`) === null]);
    expect(shapes.filter((shape) => ruleFor('', shape) === null)).toEqual([]);
  });
});

describe('rules in .enfoldignore', () => {
  test('follow the syntax of gitignore', () => {
    const text = '# comment\nbuild/\n*.log\n!keep.log\n/top\ndocs/**/draft-*\n';
    const answers = ['build/', 'a/build/x', 'build', 'x.log', 'keep.log', 'top', 'a/top', 'docs/a/b/draft-1', 'docs/final'].map((path) => ruleFor(text, path));
    expect(answers).toEqual(['build/', 'build/', null, '*.log', null, '/top', null, 'docs/**/draft-*', null]);
  });

  test('switch default rules off', () => {
    expect(ruleFor('!Thumbs.db\n', 'Thumbs.db')).toBeNull();
    expect(ruleFor('!*.tmp\r\n', 'a/b.tmp')).toBeNull();
  });

  test('that could take for ever are refused and named', () => {
    const evil = `${'*a'.repeat(30)}b`;
    const rules = parseIgnoreRules(`ok.txt\n${evil}\n`);
    expect(rules.ruleFor(syncPath('a'.repeat(250)))).toBeNull();
    expect(rules.refused).toEqual([expect.stringContaining('line 2')]);
    expect(rules.ruleFor(syncPath('ok.txt'))).toBe('ok.txt');
  });

  test('are not read where they are far too long', () => {
    const rules = parseIgnoreRules('x\n'.repeat(200_000));
    expect(rules.refused.length).toBe(1);
    expect(rules.ruleFor(syncPath('x'))).toBeNull();
  });
});
