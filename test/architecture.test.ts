/** Who may import whom: the table in CONTRIBUTING.md, checked. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

type Rule = {
  /** Folders of main/ (or `preload/contract`), and npm packages or node: modules, that may be imported. */
  readonly folders: readonly string[];
  /** Folders of which only types may be imported. */
  readonly types?: readonly string[];
  readonly packages: readonly (string | RegExp)[];
};

const node = /^node:/;
const aws = /^@(?:aws-sdk|smithy)\//;
const everything = ['model', 'plan', 'sync', 'envelope', 'sigv4', 'remote', 'transfer', 'local', 'state', 'keys', 'bucket', 'assembly'];
const entry: Rule = { folders: [...everything, 'cli', 'app', 'storage', 'preload/contract'], packages: [node, 'zod', 'commander'] };

const rules: Readonly<Record<string, Rule>> = {
  model: { folders: ['model'], packages: [] },
  plan: { folders: ['model', 'plan'], packages: [] },
  sync: { folders: ['model', 'plan', 'sync'], packages: [] },
  envelope: { folders: ['model', 'envelope'], packages: ['node:crypto', /^@noble\//] },
  sigv4: { folders: ['sigv4'], packages: ['node:crypto'] },
  local: { folders: ['model', 'local'], types: ['sync/ports'], packages: [node, 'chokidar', 'ignore'] },
  state: { folders: ['model', 'state'], types: ['sync/ports'], packages: [node, '@photostructure/sqlite'] },
  keys: { folders: ['model', 'keys', 'envelope'], types: ['sync/ports'], packages: [node, 'keytar', 'age-encryption', /^@noble\//, /^@scure\//, 'qr'] },
  remote: { folders: ['model', 'remote', 'envelope', 'sigv4'], types: ['sync/ports'], packages: [node, aws, 'undici'] },
  transfer: { folders: ['model', 'transfer', 'envelope', 'remote', 'local'], types: ['sync/ports'], packages: [node] },
  storage: { folders: ['model', 'storage', 'sigv4'], packages: [node, '@photostructure/sqlite', 'fast-xml-parser'] },
  bucket: { folders: ['model', 'bucket', 'remote'], packages: [node, aws] },
  assembly: { folders: [...everything, 'preload/contract'], packages: [node, 'zod'] },
  cli: { ...entry, folders: entry.folders.filter((folder) => folder !== 'app') },
  app: { folders: [...entry.folders, 'preload', 'build/icons'], packages: [...entry.packages, 'electron', /^electron\//] },
};
const entries: Readonly<Record<string, Rule>> = {
  'index.ts': rules['app'] ?? entry,
  'cli.ts': entry,
  'engine-process.ts': entry,
  'storage-process.ts': entry,
};
const elsewhere: Readonly<Record<string, Rule>> = {
  preload: { folders: ['preload'], types: ['model'], packages: ['electron', 'zod'] },
  renderer: { folders: ['renderer', 'preload/contract'], types: [], packages: [/^(?!node:|electron$|@aws-sdk\/|keytar$|@photostructure\/)/] },
};

type Import = { readonly from: string; readonly isTypeOnly: boolean };

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [
    ...[...statements].map(([, type, from]) => ({ from: from ?? '', isTypeOnly: type !== undefined })),
    ...[...dynamic].map(([, from]) => ({ from: from ?? '', isTypeOnly: false })),
  ];
}

/** `main/remote/s3.ts` importing `../model/errors.ts` gives `model/errors`; a package gives its name. */
function targetOf(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const resolved = posix.join(dirname(file).replaceAll('\\', '/'), specifier.replace(/\?.*$/, '')).replace(/\.tsx?$/, '');
  return resolved.replace(/^main\//, '');
}

function breaches(file: string, rule: Rule): string[] {
  const isWithin = (target: string, folder: string): boolean => target === folder || target.startsWith(`${folder}/`);
  return importsOf(file).flatMap(({ from, isTypeOnly }) => {
    const target = targetOf(file, from);
    const isAllowed = from.startsWith('.')
      ? rule.folders.some((folder) => isWithin(target, folder)) || (isTypeOnly && (rule.types ?? []).some((folder) => isWithin(target, folder)))
      : rule.packages.some((allowed) => (typeof allowed === 'string' ? target === allowed || target.startsWith(`${allowed}/`) : allowed.test(target)));
    return isAllowed ? [] : [`${file} imports ${isTypeOnly ? 'types from ' : ''}${target}`];
  });
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name)).map((name) => join(folder, name).replaceAll('\\', '/'));
}

const folders = readdirSync('main', { withFileTypes: true }).filter((child) => child.isDirectory()).map((child) => child.name);

describe('imports stay within the architecture', () => {
  test('every folder of main has a rule', () => {
    expect(folders.filter((folder) => !(folder in rules))).toEqual([]);
  });

  test.each(folders)('main/%s', (folder) => {
    const rule = rules[folder];
    expect(rule && sourcesBelow(`main/${folder}`).flatMap((file) => breaches(file, rule))).toEqual([]);
  });

  test.each(Object.keys(entries))('main/%s', (file) => {
    expect(breaches(`main/${file}`, entries[file] ?? entry)).toEqual([]);
  });

  test.each(Object.keys(elsewhere))('%s', (folder) => {
    const rule = elsewhere[folder];
    expect(rule && sourcesBelow(folder).flatMap((file) => breaches(file, rule))).toEqual([]);
  });

  test('the encryption client in main/envelope takes of the app its error types and two names, and nothing of Enfold\'s additions', () => {
    const reached = new Set<string>();
    const waiting = ['envelope', 'aes-keyring', 'rsa-keyring', 'kms-keyring'].map((name) => `main/envelope/${name}.ts`);
    const outside = new Set<string>();
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (reached.has(file)) continue;
      reached.add(file);
      for (const { from, isTypeOnly } of importsOf(file)) {
        const target = targetOf(file, from);
        if (target.startsWith('envelope/')) waiting.push(`main/${target}.ts`);
        else outside.add(isTypeOnly ? `types from ${target}` : target);
      }
    }
    expect([...outside].toSorted((a, b) => a.localeCompare(b))).toEqual(['@noble/ciphers/aes.js', 'model/errors', 'node:crypto', 'types from model/mode']);
    const additions = ['attributes', 'names', 'aes-siv', 'folder-key', 'descriptor', 'sealed-record', 'feed-record'];
    expect(additions.filter((name) => reached.has(`main/envelope/${name}.ts`))).toEqual([]);
  });

  test('the check finds a breach', () => {
    expect(breaches('main/sync/ports.ts', { folders: [], packages: [] }).length).toBeGreaterThan(0);
    expect(importsOf('vitest.config.ts')).toContainEqual({ from: 'vitest/config', isTypeOnly: false });
  });
});
