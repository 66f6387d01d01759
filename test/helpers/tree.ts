/** Trees of files on disk for tests: made from a seed, and compared byte by byte. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The same bytes for the same seed. */
export function seededBytes(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; blocks.length * 32 < length; i += 1) blocks.push(createHash('sha256').update(`${seed}/${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** Mixed sizes and names: many small files, some empty, some equal, a few larger than one part, odd names, deep and empty directories. */
export function makeMixedTree(root: string, files: number, seed = 'tree'): void {
  const names = ['plain.txt', 'with space.md', 'Ünïcödé.txt', '日本語.bin', 'UPPER.TXT', "quote'and\"double.txt", 'percent%20.txt', 'plus+and&.txt', '#hash?.txt', `${'long-'.repeat(30)}name.dat`, '.hidden', 'trailing.dot.'];
  for (let i = 0; i < files; i += 1) {
    const directory = i % 7 === 0 ? '' : i % 11 === 0 ? `deep/${'level/'.repeat(6)}` : `dir ${i % 13}/`;
    const name = `${i}-${names[i % names.length]}`;
    const length = i % 50 === 0 ? 0 : i % 97 === 0 ? 300_000 + i : (i * 37) % 5000;
    const content = i % 10 === 3 ? seededBytes(`${seed}/equal`, 1234) : seededBytes(`${seed}/${i}`, length);
    writeAt(root, `${directory}${name}`, content);
  }
  writeAt(root, 'large/one part and more.bin', seededBytes(`${seed}/large`, 9 * 1024 * 1024 + 17));
  mkdirSync(join(root, 'empty/inside'), { recursive: true });
}

export function writeAt(root: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

export function readAt(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Every path with the hash of its content; directories end in `/`; Enfold's own are left out. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const walk = (below: string): void => {
    for (const child of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = `${below}${child.name}`;
      if (path === '.enfold') continue;
      if (child.isDirectory()) {
        tree[`${path}/`] = 'directory';
        walk(`${path}/`);
      } else tree[path] = createHash('sha256').update(readFileSync(join(root, path))).digest('hex');
    }
  };
  if (existsSync(root)) walk('');
  return Object.fromEntries(Object.entries(tree).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names, sizes and times of everything below, Enfold's own included: what must not change when a command refuses. */
export function fingerprintOf(root: string): string {
  const lines: string[] = [];
  const walk = (directory: string): void => {
    for (const child of readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, child.name);
      const { size, mtimeMs } = statSync(path);
      lines.push(`${path} ${child.isDirectory() ? 'directory' : `${size} ${mtimeMs}`}`);
      if (child.isDirectory()) walk(path);
    }
  };
  walk(root);
  return lines.join('\n');
}

/** A few files of every kind that matters to encryption: empty, of one block, larger than one part, deep, oddly named; and an empty directory. */
export function makeTreeOfAllKinds(root: string, seed: string, isEmpty = false): void {
  mkdirSync(root, { recursive: true });
  if (isEmpty) return;
  writeAt(root, 'empty file', '');
  writeAt(root, 'sixteen.bin', seededBytes(`${seed}/16`, 16));
  writeAt(root, 'pictures/Ünïcödé & more.jpg', seededBytes(`${seed}/picture`, 70_001));
  writeAt(root, 'pictures/a copy.jpg', seededBytes(`${seed}/picture`, 70_001));
  writeAt(root, 'deep/er/and/deeper.txt', `the text of ${seed}`);
  mkdirSync(join(root, 'nothing inside'), { recursive: true });
}
